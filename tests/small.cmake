# Several volumes at once in very little memory; and the reader for boot loaders,
# which needs none, on volumes as they are made.
foreach(program IN ITEMS small_run boot_run)
    add_executable(${program} small/${program}.c)
    target_link_libraries(${program} PRIVATE test-core)
    add_dependencies(test-programs ${program})
endforeach()
list(APPEND script_environment
    SMALL_RUN=$<TARGET_FILE:small_run>
    BOOT_RUN=$<TARGET_FILE:boot_run>)
shale_script(small small/small.sh)
shale_script(boot_made small/boot.sh)
