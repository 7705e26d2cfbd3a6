# What joins sources and catalog, so that tests of sources can link it.
add_library(ferry_room STATIC room.cpp)
target_link_libraries(ferry_room PUBLIC ferry_catalog ferry_source)

# The agent's program, once the rooms it wires are there.
add_library(ferry_desk STATIC desk.cpp desk_jobs.cpp desk_offers.cpp desk_orders.cpp desk_steps.cpp desk_wakes.cpp mirror.cpp)
target_link_libraries(ferry_desk PUBLIC ferry_catalog ferry_delivery ferry_source)

if(TARGET ferry_supervisor AND TARGET ferry_monitor AND TARGET ferry_source AND TARGET ferry_control)
  add_executable(ferryd main.cpp agent.cpp catalog_in_memory.cpp commands.cpp entities.cpp health.cpp jobs.cpp operations.cpp report.cpp reporting.cpp waker.cpp wakes.cpp)
  target_compile_definitions(ferryd PRIVATE FERRY_VERSION="${PROJECT_VERSION}"
    FERRY_LIBEXEC_DIR="${FERRY_LIBEXEC_DIR}" FERRY_PLUGIN_DIR="${FERRY_PLUGIN_DIR}")
  target_link_libraries(ferryd PRIVATE ferry_desk ferry_room ferry_source ferry_supervisor ferry_metrics ferry_monitor
    ferry_wake ferry_control ferry_asio_impl PkgConfig::SYSTEMD)
endif()
