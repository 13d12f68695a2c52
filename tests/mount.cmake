# The mounted tests: one script each, given the command and a helper. Those
# that cannot run here (no /dev/fuse, not root) say so and count as skipped.
if(NOT SHALE_FUSE)
    return()
endif()

foreach(program IN ITEMS calls posix probe users)
    add_executable(${program} mount/${program}.c)
    target_compile_definitions(${program} PRIVATE _GNU_SOURCE)
    add_dependencies(test-programs ${program})
endforeach()
target_sources(calls PRIVATE mount/calls_data.c)

# Programs of Check's, as they look into the daemon. Sanitizers and the sandbox
# exclude each other.
set(programs known placement)
if(NOT SHALE_SANITIZE)
    list(APPEND programs sandbox)
endif()
foreach(program IN LISTS programs)
    add_executable(${program} mount/${program}.c)
    target_link_libraries(${program} PRIVATE test-support shale-fuse)
    add_dependencies(test-programs ${program})
    add_test(NAME mount_${program} COMMAND ${program})
    set_tests_properties(mount_${program} PROPERTIES LABELS mount)
endforeach()

file(GLOB scripts CONFIGURE_DEPENDS mount/*.sh)
list(FILTER scripts EXCLUDE REGEX "/lib\\.sh$")
foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    add_test(NAME mount_${name} COMMAND sh ${script})
    set_tests_properties(mount_${name} PROPERTIES
        ENVIRONMENT "SHALE=$<TARGET_FILE:shale-command>;PROBE=$<TARGET_FILE:probe>;POSIX=$<TARGET_FILE:posix>;USERS=$<TARGET_FILE:users>;CALLS=$<TARGET_FILE:calls>;SANITIZED=${SHALE_SANITIZE}"
        SKIP_RETURN_CODE 77 LABELS mount)
endforeach()

# In their mount namespaces, what others have mounted is mounted as well, and
# stays so when those unmount it: nobody else's mount may end meanwhile.
set_tests_properties(mount_fstab mount_user PROPERTIES RUN_SERIAL ON)
