# cmake -DDIR=<folder of a verilated model> -P unity.cmake: one source that includes all generated ones.
file(GLOB parts RELATIVE ${DIR} ${DIR}/V*.cpp)
list(SORT parts)
list(TRANSFORM parts REPLACE "(.+)" "#include \"\\1\"\n")
string(CONCAT text ${parts})
file(WRITE ${DIR}/all.cpp "${text}")
