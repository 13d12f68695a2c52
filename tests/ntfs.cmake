# What the proofs say of NTFS. Each script in ntfs/ is a test.

# Not by pkg-config: Debian's wimlib.pc names packages that nobody needs.
find_path(WIM_INCLUDE wimlib.h)
find_library(WIM_LIBRARY wim)
if(WIM_INCLUDE AND WIM_LIBRARY)
    add_executable(roundtrip_wim ntfs/roundtrip_wim.c)
    target_include_directories(roundtrip_wim SYSTEM PRIVATE ${WIM_INCLUDE})
    target_link_libraries(roundtrip_wim PRIVATE test-core ${WIM_LIBRARY})
    add_dependencies(test-programs roundtrip_wim)
    list(APPEND script_environment ROUNDTRIP_WIM=$<TARGET_FILE:roundtrip_wim>)
endif()

add_executable(ntfs_reads ntfs/reads.c)
target_link_libraries(ntfs_reads PRIVATE test-core)
add_dependencies(test-programs ntfs_reads)
list(APPEND script_environment NTFS_READS=$<TARGET_FILE:ntfs_reads>)

file(GLOB scripts CONFIGURE_DEPENDS ntfs/*.sh)
list(FILTER scripts EXCLUDE REGEX "/lib\\.sh$")
foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    shale_script(ntfs_${name} ntfs/${name}.sh)
endforeach()
