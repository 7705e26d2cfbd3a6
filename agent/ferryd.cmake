# What joins sources and catalog, so that tests of sources can link it.
add_library(ferry_room STATIC room.cpp)
target_link_libraries(ferry_room PUBLIC ferry_catalog ferry_source)

# The agent's program, once the rooms it wires are there.
add_library(ferry_desk STATIC desk.cpp desk_offers.cpp desk_orders.cpp desk_steps.cpp)
target_link_libraries(ferry_desk PUBLIC ferry_catalog ferry_delivery)

if(TARGET ferry_supervisor AND TARGET ferry_monitor AND TARGET ferry_source AND TARGET ferry_control)
  add_executable(ferryd main.cpp agent.cpp commands.cpp operations.cpp report.cpp reporting.cpp)
  target_compile_definitions(ferryd PRIVATE FERRY_VERSION="${PROJECT_VERSION}"
    FERRY_LIBEXEC_DIR="${FERRY_LIBEXEC_DIR}" FERRY_PLUGIN_DIR="${FERRY_PLUGIN_DIR}")
  target_link_libraries(ferryd PRIVATE ferry_desk ferry_room ferry_source ferry_supervisor ferry_monitor
    ferry_control ferry_asio_impl PkgConfig::SYSTEMD)
endif()
