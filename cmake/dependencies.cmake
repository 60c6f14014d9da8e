# Every third-party library comes from Debian; its headers are SYSTEM, so that only our own code is held to -Werror.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(simdjson REQUIRED)
find_package(CURL REQUIRED)

set(TROOP_BOOST_INCLUDE "" CACHE PATH "Boost 1.81 headers, where they are not the system's")
set(TROOP_BOOST_LIBRARIES "" CACHE PATH "Boost 1.81 libraries, where they are not the system's")
unset(BOOST_INCLUDE CACHE)  # looked for each time: which Boost is installed may change between two builds
unset(BOOST_JSON CACHE)
find_path(BOOST_INCLUDE boost/json.hpp HINTS ${TROOP_BOOST_INCLUDE} REQUIRED)
find_library(BOOST_JSON boost_json HINTS ${TROOP_BOOST_LIBRARIES} REQUIRED)
file(STRINGS ${BOOST_INCLUDE}/boost/version.hpp BOOST_VERSION_LINE REGEX "define BOOST_LIB_VERSION")
if(NOT BOOST_VERSION_LINE MATCHES "1_81")
  message(FATAL_ERROR "Boost 1.81 is needed; ${BOOST_INCLUDE} has:${BOOST_VERSION_LINE}. ./dev unpacks 1.81 below build/deps.")
endif()
add_library(troop_boost INTERFACE)
target_include_directories(troop_boost SYSTEM INTERFACE ${BOOST_INCLUDE})
target_link_libraries(troop_boost INTERFACE ${BOOST_JSON} Threads::Threads)
target_compile_definitions(troop_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

find_path(TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
add_library(tomlplusplus_headers INTERFACE)
target_include_directories(tomlplusplus_headers SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE})

find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
add_library(cli11_headers INTERFACE)
target_include_directories(cli11_headers SYSTEM INTERFACE ${CLI11_INCLUDE})

find_path(RABBITMQ_INCLUDE amqp.h REQUIRED)
find_library(RABBITMQ_LIBRARY rabbitmq REQUIRED)
add_library(rabbitmq_client INTERFACE)
target_include_directories(rabbitmq_client SYSTEM INTERFACE ${RABBITMQ_INCLUDE})
target_link_libraries(rabbitmq_client INTERFACE ${RABBITMQ_LIBRARY})
