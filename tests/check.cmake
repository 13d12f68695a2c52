# What is proved of the checkers. Most of each is in tests/check/.
add_executable(mutate check/mutate.c check/judge.c)
target_link_libraries(mutate PRIVATE test-core)
add_dependencies(test-programs mutate)
list(APPEND script_environment MUTATE=$<TARGET_FILE:mutate>)
foreach(script IN ITEMS agree mutate)
    shale_script(check_${script} check/${script}.sh)
endforeach()
