# The mounted tests: one script each, given the command and a helper. Those
# that cannot run here (no /dev/fuse, not root) say so and count as skipped.
if(NOT SHALE_FUSE)
    return()
endif()

add_executable(probe mount/probe.c)
target_compile_definitions(probe PRIVATE _GNU_SOURCE)

# A program of Check's, as it looks into the daemon.
add_executable(placement mount/placement.c)
target_link_libraries(placement PRIVATE test-support shale-fuse)
add_test(NAME mount_placement COMMAND placement)
set_tests_properties(mount_placement PROPERTIES LABELS mount TIMEOUT 60)

file(GLOB scripts CONFIGURE_DEPENDS mount/*.sh)
list(FILTER scripts EXCLUDE REGEX "/lib\\.sh$")
foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    add_test(NAME mount_${name} COMMAND sh ${script})
    set_tests_properties(mount_${name} PROPERTIES
        ENVIRONMENT "SHALE=$<TARGET_FILE:shale-command>;PROBE=$<TARGET_FILE:probe>;SANITIZED=${SHALE_SANITIZE}"
        SKIP_RETURN_CODE 77 TIMEOUT 300 LABELS mount)
endforeach()
