# What `cmake --install` and the Debian packages put where. Programs of single rooms are installed by
# their rooms.
install(TARGETS ferryd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS ferry_plugin_ble ferry_plugin_http ferry_plugin_loopback ferry_plugin_mqtt ferry_plugin_serial
        ferry_plugin_udp
        LIBRARY DESTINATION ${FERRY_PLUGIN_DIR})
install(FILES config/ferry.ini DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/ferry)

# For authors of transports.
install(FILES transports/transport.h transports/transport.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ferry)
configure_file(cmake/ferry.pc.in ferry.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ferry.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ferry.ini(5) is made from the file that explains every key, so that both always agree.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_custom_command(
  OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/ferry.ini.5
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/docs/man/ferry_ini.py
          ${PROJECT_SOURCE_DIR}/config/ferry.ini ${CMAKE_CURRENT_BINARY_DIR}/ferry.ini.5
  DEPENDS config/ferry.ini docs/man/ferry_ini.py VERBATIM)
add_custom_target(ferry_ini_man_page ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/ferry.ini.5)
install(FILES docs/man/ferryctl.1 docs/man/ferry-tuf-client.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ferry.ini.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES docs/man/ferryd.8 docs/man/ferry-transport.8
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
