# Debian 12 packages only; see docs/testing.md for the list that tests/run.sh installs.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq>=4.3.3)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)

# msgpack's package asks for Boost headers unless told otherwise; the headers alone are all we use.
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
add_library(msgpack_headers INTERFACE)
target_include_directories(msgpack_headers SYSTEM INTERFACE ${MSGPACK_INCLUDE_DIR})
target_compile_definitions(msgpack_headers INTERFACE MSGPACK_NO_BOOST MSGPACK_USE_CPP17)

# Of Boost only headers are used, in the dashboard: no library is linked, no other version mixed in.
find_package(Boost 1.74 REQUIRED)
add_library(boost_headers INTERFACE)
target_link_libraries(boost_headers INTERFACE Threads::Threads)
target_include_directories(boost_headers SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
# Its CMake package asks for what its other libraries need; the core needs nothing.
pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)
if(LANDSEER_TESTS)
  find_package(GTest REQUIRED)
endif()
