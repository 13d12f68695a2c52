# What the proofs say of FAT.
foreach(name IN ITEMS test_fat_faults test_fat_regressions)
    if(TARGET ${name})
        target_link_libraries(${name} PRIVATE test-model)
    endif()
endforeach()

shale_script(fat_model fat/model.sh)
shale_script(fat_powercut fat/powercut.sh)
if(SHALE_FUSE)
    shale_script(fat_mounted fat/mounted.sh)
endif()
