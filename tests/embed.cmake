# docs/embedding.md: its code is that of examples/, which are built and run.
set(examples ${PROJECT_SOURCE_DIR}/examples)
add_executable(example_toyfs
    ${examples}/toyfs/main.c ${examples}/toyfs/toyfs.c)
add_executable(example_device ${examples}/embed_device.c)
add_executable(example_boot ${examples}/embed_boot.c)
foreach(program IN ITEMS toyfs device boot)
    target_link_libraries(example_${program} PRIVATE shale-core)
    add_dependencies(test-programs example_${program})
endforeach()
add_test(NAME embed
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/embed/embed.sh
            ${PROJECT_SOURCE_DIR} $<TARGET_FILE_DIR:example_toyfs>)
set_tests_properties(embed PROPERTIES SKIP_RETURN_CODE 77)
