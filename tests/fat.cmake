# What the proofs say of FAT.
foreach(name IN ITEMS test_fat_faults test_fat_regressions)
    if(TARGET ${name})
        target_link_libraries(${name} PRIVATE test-model)
    endif()
endforeach()
target_sources(test_fat_faults PRIVATE support/callfaults.c)

shale_script(fat_model fat/model.sh)
shale_script(fat_powercut fat/powercut.sh)
if(SHALE_FUSE)
    shale_script(fat_mounted fat/mounted.sh)
endif()
