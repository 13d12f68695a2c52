# What the proofs say of ext2.
target_link_libraries(test_ext2_faults PRIVATE test-model)
target_sources(test_ext2_faults PRIVATE support/callfaults.c)
shale_script(ext2_model ext2/model.sh)
shale_script(ext2_powercut ext2/powercut.sh)
if(SHALE_FUSE)
    shale_script(ext2_mounted ext2/mounted.sh)
endif()
