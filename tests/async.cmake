# Other tests once more, on a device that works on several requests at once.
shale_script(async async.sh)
set(first $<TARGET_FILE:test_faults>)
set(second $<TARGET_FILE:test_ext2_file_faults>)
set_property(TEST async APPEND PROPERTY ENVIRONMENT
    "FAULT_TESTS=${first} ${second}")
