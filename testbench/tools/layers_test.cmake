# cmake -DTOOLS=<here> -DWORK=<scratch> -P layers_test.cmake: layers.cmake refuses what it must refuse.
set(bad
  "firmware/interface/a.h|#include \"host_driver/b.hpp\""
  "firmware/core/a.c|#include <stdio.h>"
  "firmware/core/a.h|#include \"systemc/b.hpp\""
  "host_driver/pf/a.cpp|#include <systemc>"
  "host_driver/pf/a.hpp|#include \"systemc/b.hpp\""
  "systemc/nic/a.cpp|#include \"host_driver/b.hpp\""
  "systemc/nic/a.hpp|#  include \"b.hpp\""
  "rtl_models/x/tb/a.cpp|#include \"systemc/b.hpp\""
  "waves/a.cpp|#include \"testbench/b.hpp\"")
foreach(row IN LISTS bad)
  string(REPLACE "|" ";" parts "${row}")
  list(GET parts 0 file)
  list(GET parts 1 line)
  file(REMOVE_RECURSE ${WORK})
  file(MAKE_DIRECTORY ${WORK}/firmware/interface)
  file(WRITE ${WORK}/${file} "${line}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -P ${TOOLS}/layers.cmake
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE text)
  if(status EQUAL 0 OR NOT text MATCHES "${file}: may not include")
    message(FATAL_ERROR "not refused: ${file}: ${line}")
  endif()
endforeach()
