# Debian packages that Ferry links; `./dev` installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(MOSQUITTO REQUIRED IMPORTED_TARGET libmosquitto)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
find_path(EXPECTED_INCLUDE tl/expected.hpp REQUIRED)

# Boost is used header-only: no Boost library is linked.
add_library(ferry_asio INTERFACE)
target_include_directories(ferry_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(ferry_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
                           BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(ferry_asio INTERFACE Threads::Threads)
if(FERRY_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # What clang 14 puts before functions to check calls through pointers does not assemble where they are coroutines.
  target_compile_options(ferry_asio INTERFACE -fno-sanitize=function)
endif()

add_library(ferry_asio_impl STATIC ${CMAKE_CURRENT_LIST_DIR}/asio_impl.cpp)
target_link_libraries(ferry_asio_impl PUBLIC ferry_asio)
# Third-party code compiled here does not answer to Ferry's warnings.
target_compile_options(ferry_asio_impl PRIVATE -w)
