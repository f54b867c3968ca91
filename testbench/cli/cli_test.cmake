# cmake -DVFSIM=<program> -DWORK=<scratch folder> -P cli_test.cmake: mistakes get exit status 2 and one line.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(WRITE ${WORK}/typo.toml "[nic]\nvf = 3\n")
file(WRITE ${WORK}/broken.toml "[nic\n")
file(WRITE ${WORK}/capture.toml "[workload]\ncaptures = \"typo.toml\"\nserver_ports = \"1\"\n")
file(WRITE ${WORK}/missing.toml "[workload]\ncaptures = \"no_such.pcap\"\nserver_ports = \"1\"\n")

# arguments | what the line must contain
set(cases
  "run|scenario is required"
  "migrat|unknown command .migrat. .did you mean .migrate.."
  "run nosuch|nosuch: no such scenario file"
  "run migrat|did you mean 'migrate'"
  "run typo.toml|typo.toml:2:1: unknown parameter 'vf' in .nic. .did you mean 'vfs'"
  "run broken.toml|broken.toml:1:[0-9]+: no TOML"
  "run capture.toml|typo.toml"
  "run missing.toml|no_such.pcap"
  "run migrate --set nic.vfs=200|--set nic.vfs=200: 200 is out of range. allowed is 1 .. 127"
  "run migrate --fault tx_dup|did you mean 'tx_duplicated'"
  "run migrate --log loud|loud"
  "run migrate --seed x|seed"
  "list rulz|did you mean 'rules'"
  "image inspect typo.toml|typo.toml: byte 0: IMAGE_BAD_MAGIC")
foreach(case IN LISTS cases)
  string(REPLACE "|" ";" parts "${case}")
  list(GET parts 0 arguments)
  list(GET parts 1 expected)
  separate_arguments(words UNIX_COMMAND "${arguments}")
  set(json "")
  if(arguments MATCHES "^run ")
    set(json --json ${WORK}/result.json)
  endif()
  execute_process(COMMAND ${VFSIM} ${words} ${json} WORKING_DIRECTORY ${WORK}
    RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  string(REGEX MATCHALL "\n" lines "${err}")
  list(LENGTH lines count)
  if(NOT status EQUAL 2 OR NOT err MATCHES "${expected}" OR NOT count EQUAL 1 OR NOT out STREQUAL "")
    message(SEND_ERROR "vfsim ${arguments}: exit status ${status}, output \"${out}\", error \"${err}\"")
  endif()
  if(EXISTS ${WORK}/result.json)
    message(SEND_ERROR "vfsim ${arguments}: wrote a result")
    file(REMOVE ${WORK}/result.json)
  endif()
endforeach()

execute_process(COMMAND ${VFSIM} --help RESULT_VARIABLE status OUTPUT_VARIABLE out)
if(NOT status EQUAL 0 OR NOT out MATCHES "migrate")
  message(SEND_ERROR "vfsim --help: exit status ${status}")
endif()
foreach(topic scenarios rules params steps faults signals)
  execute_process(COMMAND ${VFSIM} list ${topic} RESULT_VARIABLE status OUTPUT_VARIABLE out)
  if(NOT status EQUAL 0 OR out STREQUAL "")
    message(SEND_ERROR "vfsim list ${topic}: exit status ${status}")
  endif()
endforeach()
