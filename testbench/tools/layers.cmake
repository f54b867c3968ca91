# cmake -DROOT=<repository> -P layers.cmake: every #include goes down this table, and every name starts at the root.
cmake_minimum_required(VERSION 3.25)
if(NOT IS_DIRECTORY "${ROOT}/firmware/interface")
  message(FATAL_ERROR "layers.cmake needs -DROOT=<repository>")
endif()

# room : rooms it may include besides itself
set(LAYERS
  "firmware/interface  : "
  "firmware/hal        : firmware/interface"
  "firmware/core       : firmware/interface firmware/hal"
  "firmware/hal_native : firmware/interface firmware/hal firmware/core"
  "host_driver         : firmware/interface"
  "rtl_models          : firmware/interface" # its tests: the blocks read the package that is made from it
  "systemc             : firmware/interface firmware/hal firmware/core firmware/hal_native rtl_models"
  "waves               : firmware/interface rtl_models systemc"
  "testbench           : firmware host_driver rtl_models systemc waves")
# room : system headers it must not see
set(BANNED
  "firmware    : systemc|tlm|tlm_utils/.*"
  "host_driver : systemc|tlm|tlm_utils/.*"
  "rtl_models  : systemc|tlm|tlm_utils/.*")
set(FIRMWARE_C "stdbool.h|stddef.h|stdint.h|string.h") # all that firmware's C sources know of the C library

# Names without a folder that are not headers of ours: what Verilator generates.
set(GENERATED "^V[a-z_0-9]+(__Dpi|___024root)?\\.h$")

set(errors 0)
macro(report file include)
  message(SEND_ERROR "${file}: may not include ${include}")
  math(EXPR errors "${errors} + 1")
endmacro()

set(count 0)
foreach(row IN LISTS LAYERS)
  string(REGEX MATCH "^([^ ]+) *: *(.*)$" _ "${row}")
  set(room "${CMAKE_MATCH_1}")
  string(REPLACE " " ";" may "${CMAKE_MATCH_2} ${room}")
  set(files "")
  foreach(ending h hpp c cpp def)
    file(GLOB_RECURSE found RELATIVE "${ROOT}" "${ROOT}/${room}/*.${ending}")
    list(APPEND files ${found})
  endforeach()
  foreach(f IN LISTS files)
    math(EXPR count "${count} + 1")
    file(STRINGS "${ROOT}/${f}" includes REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
    foreach(i IN LISTS includes)
      if(i MATCHES "\"([^\"]+)\"")
        set(name "${CMAKE_MATCH_1}")
        set(ok FALSE)
        foreach(m IN LISTS may)
          string(FIND "${name}" "${m}/" at)
          if(m AND at EQUAL 0)
            set(ok TRUE)
          endif()
        endforeach()
        if(NOT ok AND NOT name MATCHES "${GENERATED}")
          report("${f}" "\"${name}\"")
        endif()
      elseif(i MATCHES "<([^>]+)>")
        set(name "${CMAKE_MATCH_1}")
        foreach(b IN LISTS BANNED)
          string(REGEX MATCH "^([^ ]+) *: *(.*)$" _ "${b}")
          if(f MATCHES "^${CMAKE_MATCH_1}/" AND name MATCHES "^(${CMAKE_MATCH_2})$")
            report("${f}" "<${name}>")
          endif()
        endforeach()
        if(f MATCHES "^firmware/(hal|core)/.*\\.[ch]$" AND NOT name MATCHES "^(${FIRMWARE_C})$")
          report("${f}" "<${name}>")
        endif()
      endif()
    endforeach()
  endforeach()
endforeach()
if(errors GREATER 0)
  message(FATAL_ERROR "${errors} includes against the direction")
endif()
message(STATUS "include direction: ${count} files, none against it")
