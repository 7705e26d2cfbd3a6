# The supervisor of transport hosts, apart from ferryd so that tests can link it.
add_library(ferry_supervisor STATIC host_keeper.cpp host_process.cpp ports.cpp supervisor.cpp)
target_link_libraries(ferry_supervisor PUBLIC ferry_formats ferry_config PRIVATE ferry_asio_impl ferry_mqtt)
