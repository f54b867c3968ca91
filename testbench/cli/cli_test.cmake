# cmake -DVFSIM=<program> -DWORK=<scratch folder> -P cli_test.cmake: mistakes get exit status 2 and one line, and leave
# nothing behind.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/folder)
file(WRITE ${WORK}/typo.toml "[nic]\nvf = 3\n")
file(WRITE ${WORK}/broken.toml "[nic\n")
file(WRITE ${WORK}/empty.toml "")
file(WRITE ${WORK}/capture.toml "[workload]\ncaptures = \"typo.toml\"\nserver_ports = \"1\"\n")
file(WRITE ${WORK}/missing.toml "[workload]\ncaptures = \"no_such.pcap\"\nserver_ports = \"1\"\n")
file(WRITE ${WORK}/there.toml "[[step]]\ndo = \"migrate\"\nto = \"A\"\n")
file(WRITE ${WORK}/short.toml "[workload]\nreplay_guests = 0\npackets = 1\n")
file(WRITE ${WORK}/impossible.toml "[workload]\nguests = 9\n[random.nic]\nvfs = { min = 1, max = 8 }\n")
file(WRITE ${WORK}/bad/results.jsonl "{}\n")
file(CREATE_LINK loop ${WORK}/loop SYMBOLIC)
execute_process(COMMAND dd if=/dev/zero of=${WORK}/sparse.image bs=1 count=1 seek=1073741823 ERROR_QUIET)

# arguments | what the line must contain
set(cases
  "|a command is needed. allowed are run, migrate, list, "
  "run|scenario is required"
  "run short.toml more|run: 'more' is one word too many"
  "migrat|unknown command .migrat. .did you mean .migrate.."
  "RUN|did you mean 'run'"
  "run nosuch|nosuch: no such scenario file"
  "run migrat|did you mean 'migrate'"
  "run folder|folder: is no file"
  "run /dev/null|/dev/null: is no file"
  "run loop|loop: no such scenario file"
  "run empty.toml|empty.toml: there is nothing in it"
  "run typo.toml|typo.toml:2:1: unknown parameter 'vf' in .nic. .did you mean 'vfs'"
  "run broken.toml|broken.toml:1:[0-9]+: no TOML"
  "run there.toml|there.toml:1: step migrate names host A, but guest 0 is on host A then"
  "run capture.toml|typo.toml"
  "run capture.toml --out new|typo.toml"
  "run missing.toml|no_such.pcap"
  "run short.toml --wave w.fst --wave-groups dam|--wave-groups: 'dam' is unknown .did you mean 'dma'"
  "run short.toml --wave w.fst --wave-last 20m|--wave-last: '20m' is no time"
  "run short.toml --wave w.fst --wave-last 0|--wave-last: 0 is no time"
  "run short.toml --wave w.fst --wave-from 2ms --wave-to 1ms|--wave-from 2ms is behind --wave-to 1ms"
  "run short.toml --wave w.fst --wave-from 2ms --wave-last 1us|--wave-last goes with neither"
  "run short.toml --wave-last 1us|need --wave"
  "run short.toml --set nic.vfs=200|--set nic.vfs=200: 200 is out of range. allowed is 1 .. 127"
  "run short.toml --set nic.vfs=1|--set nic.vfs=1: workload.guests = 2 but nic.vfs = 1"
  "run short.toml --set nic.vfs|--set nic.vfs: a value is missing"
  "run short.toml --set faults=|a name is missing"
  "run short.toml --fault tx_dup|did you mean 'tx_duplicated'"
  "run short.toml --log loud|loud"
  "run short.toml --seed x|--seed: 'x' is no number"
  "run short.toml --seed -1|--seed: '-1' is no number"
  "run short.toml --seed 99999999999999999999|--seed: '99999999999999999999' is no number"
  "run short.toml --jsn x|unknown option '--jsn' .did you mean '--json'"
  "run short.toml --wave folder|folder: is a folder. --wave needs a file"
  "run short.toml --wave /proc/x|/proc/x: cannot be written: "
  "run short.toml --timeline short.toml/x|short.toml: is a file. --timeline needs a folder there"
  "run short.toml --timeline new/x --out short.toml|short.toml: is a file. --out needs a folder there"
  "run short.toml --out new/deep --wave folder|folder: is a folder"
  "run short.toml --wave x --timeline x|x: named by --wave and --timeline"
  "faults tx_dup|faults: unknown fault 'tx_dup' .did you mean 'tx_duplicated'"
  "faults tx_duplicated --jobs 0|--jobs"
  "faults tx_duplicated --json folder|folder: is a folder. --json needs a file"
  "faults tx_duplicated --seed x|--seed: 'x' is no number"
  "run impossible.toml|impossible.toml:3:1: .random.: none of 1000 draws fits. the last one: "
  "regress nosuch|nosuch: no such scenario file"
  "regress folder|folder: no scenario file"
  "regress short.toml typo.toml|typo.toml:2:1: unknown parameter 'vf' in .nic."
  "regress short.toml --set nic.vfs=1|--set nic.vfs=1: workload.guests = 2 but nic.vfs = 1"
  "regress short.toml --fault tx_dup|did you mean 'tx_duplicated'"
  "regress short.toml --seeds 0|--seeds: "
  "regress short.toml --seeds x|--seeds: "
  "regress short.toml --seed -1|--seed: '-1' is no number"
  "regress short.toml --jobs 0|--jobs: "
  "regress short.toml --shard 3/2|--shard: '3/2' is no shard. allowed is I/N with I from 1 to N"
  "regress short.toml --shard 1|--shard: '1' is no shard"
  "regress short.toml --time 0|--time: "
  "regress short.toml --sed 1|unknown option '--sed' .did you mean '--seed'"
  "regress short.toml --out short.toml|short.toml: is a file. --out needs a folder there"
  "regress short.toml --junit folder|folder: is a folder. --junit needs a file"
  "regress merge|regress merge: folders is required"
  "regress merge folder|folder/results.jsonl: cannot be read. --out of vfsim regress makes it"
  "regress merge bad|bad/results.jsonl: line 1: not of a regression"
  "list rulz|did you mean 'rules'"
  "image|image: a command is needed. allowed are inspect, diff, corrupt"
  "image inspct x|did you mean 'inspect'"
  "image inspect|image inspect: file is required. see vfsim image inspect --help"
  "image inspect typo.toml|typo.toml: byte 0: IMAGE_BAD_MAGIC"
  "image inspect folder|folder: cannot be read"
  "image inspect /dev/null|/dev/null: byte 0: IMAGE_TRUNCATED"
  "image inspect sparse.image|sparse.image: byte 0: IMAGE_BAD_MAGIC"
  "fuzz comand|fuzz: unknown door 'comand' .did you mean 'command'"
  "fuzz --case 3|--case and --bytes need one door"
  "fuzz image --cases x|--cases: 'x' is no number"
  "fuzz image --fault mkey|fuzz: .*did you mean 'mkey_unchecked'"
  "fuzz image --bytes nosuch|nosuch: cannot be read"
  "fuzz image --jobs 9999|--jobs"
  "image corrupt typo.toml x --kind swop|image corrupt: unknown kind 'swop' .did you mean 'swap'"
  "image corrupt typo.toml x --kind swap|typo.toml: byte 0: IMAGE_BAD_MAGIC"
  "image corrupt typo.toml x --kind swap --field a|--field goes with --kind field"
  "image corrupt typo.toml x|--kind is required"
  "image corrupt typo.toml|out is required"
  "image diff typo.toml|image diff: files: At least 2 required")
file(GLOB_RECURSE before LIST_DIRECTORIES true ${WORK}/*)
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
  if(NOT status EQUAL 2 OR NOT err MATCHES "^vfsim: .*${expected}" OR NOT count EQUAL 1 OR NOT out STREQUAL "")
    message(SEND_ERROR "vfsim ${arguments}: exit status ${status}, output \"${out}\", error \"${err}\"")
  endif()
  file(GLOB_RECURSE after LIST_DIRECTORIES true ${WORK}/*)
  if(NOT after STREQUAL before)
    message(FATAL_ERROR "vfsim ${arguments}: left something behind: ${after}")
  endif()
endforeach()

# What is written where: folders are made, a link and a device stay what they are.
file(WRITE ${WORK}/real.json "old")
file(CREATE_LINK real.json ${WORK}/link.json SYMBOLIC)
foreach(target new/deep/r.json link.json /dev/null)
  execute_process(COMMAND ${VFSIM} run short.toml --json ${target} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status
    OUTPUT_QUIET)
  if(NOT status EQUAL 0)
    message(SEND_ERROR "vfsim run short.toml --json ${target}: exit status ${status}")
  endif()
endforeach()
file(READ ${WORK}/real.json real)
if(NOT EXISTS ${WORK}/new/deep/r.json OR real STREQUAL "old" OR NOT IS_SYMLINK ${WORK}/link.json)
  message(SEND_ERROR "a result was not written where it belongs")
endif()

# A regression: the shards together are the whole, whatever the number of jobs.
file(WRITE ${WORK}/small.toml "[workload]\nreplay_guests = 0\npackets = 5\n[random.nic]\nvfs = { min = 2, max = 9 }\n")
set(digests "")
foreach(part "--jobs 1 --out whole" "--jobs 2 --out two --shard 2/2" "--jobs 2 --out one --shard 1/2" "merge one two --out both")
  separate_arguments(words UNIX_COMMAND "${part}")
  if(NOT part MATCHES "^merge")
    list(PREPEND words small.toml --seeds 6)
  endif()
  execute_process(COMMAND ${VFSIM} regress ${words} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status
    OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT status EQUAL 0 OR NOT out MATCHES "verdict: pass")
    message(SEND_ERROR "vfsim regress ${part}: exit status ${status}, output \"${out}\", error \"${err}\"")
  endif()
  string(REGEX MATCH "digest of all events digests: [0-9a-f]+" digest "${out}")
  if(NOT part MATCHES "shard")
    list(APPEND digests "${digest}")
  endif()
endforeach()
list(REMOVE_DUPLICATES digests)
list(LENGTH digests count)
if(NOT count EQUAL 1)
  message(SEND_ERROR "a regression in two shards is not the whole one: ${digests}")
endif()
execute_process(COMMAND ${VFSIM} regress merge one --out half WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status OUTPUT_VARIABLE out)
if(NOT status EQUAL 1 OR NOT out MATCHES "not run here: 3 of 6")
  message(SEND_ERROR "one of two shards passes for the whole: exit status ${status}, output \"${out}\"")
endif()
execute_process(COMMAND ${VFSIM} regress small.toml --fault completion_twice --junit new/j.xml WORKING_DIRECTORY ${WORK}
  RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_QUIET)
file(READ ${WORK}/new/j.xml junit)
if(NOT status EQUAL 1 OR NOT out MATCHES "^FAILED small.toml seed 1: .*replay: ./vfsim run small.toml --seed 1 --fault completion_twice"
   OR NOT junit MATCHES "failures=\"1\"")
  message(SEND_ERROR "a failing regression: exit status ${status}, output \"${out}\", JUnit ${junit}")
endif()

foreach(option --help --version)
  execute_process(COMMAND ${VFSIM} ${option} RESULT_VARIABLE status OUTPUT_VARIABLE out)
  if(NOT status EQUAL 0 OR NOT out MATCHES "vfsim")
    message(SEND_ERROR "vfsim ${option}: exit status ${status}")
  endif()
endforeach()
foreach(topic scenarios rules params steps faults signals doors corruptions)
  execute_process(COMMAND ${VFSIM} list ${topic} RESULT_VARIABLE status OUTPUT_VARIABLE out)
  if(NOT status EQUAL 0 OR out STREQUAL "")
    message(SEND_ERROR "vfsim list ${topic}: exit status ${status}")
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
