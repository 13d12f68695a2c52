# The core where there is no operating system: built for machines that are not
# this one, and in a kernel that QEMU runs. Both are built in the build's own
# folder, so that a second run takes no time. Tests that boot a kernel come after
# the one that builds it, if that is to run at all.
add_test(NAME core_targets
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/targets.sh
            ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/targets)
set_tests_properties(core_targets PROPERTIES SKIP_RETURN_CODE 77)

list(APPEND script_environment KERNELS=${PROJECT_BINARY_DIR}/kernels)
shale_script(kernel_build kernel/build.sh)
foreach(script IN ITEMS disks golden small failalloc kill)
    shale_script(kernel_${script} kernel/${script}.sh)
    set_tests_properties(kernel_${script} PROPERTIES DEPENDS kernel_build)
endforeach()
