# The reader for boot loaders, on volumes as they are made.
add_executable(boot_run small/boot_run.c)
target_link_libraries(boot_run PRIVATE test-core)
add_dependencies(test-programs boot_run)
list(APPEND script_environment BOOT_RUN=$<TARGET_FILE:boot_run>)
shale_script(boot_made small/boot.sh)
