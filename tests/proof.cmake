# The proofs of the write path: operations compared with a model, power cuts,
# faults. They need the formats' own programs, and say so where one is missing.
add_library(test-model STATIC
    model/attribute.c model/backend_lib.c model/backend_posix.c
    model/content.c model/gen.c model/model.c
    model/ops.c model/run.c model/settings.c model/shrink.c model/tree.c
    powercut/cut.c powercut/history.c powercut/jlang.c)
target_include_directories(test-model PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}
    ${CMAKE_CURRENT_SOURCE_DIR}/model)
target_link_libraries(test-model PUBLIC test-core Threads::Threads)

foreach(program IN ITEMS
        model/model_run powercut/kill_run powercut/powercut_run)
    get_filename_component(name ${program} NAME)
    add_executable(${name} ${program}.c)
    target_link_libraries(${name} PRIVATE test-model)
    add_dependencies(test-programs ${name})
endforeach()

list(APPEND script_environment
    MODEL_RUN=$<TARGET_FILE:model_run>
    POWERCUT_RUN=$<TARGET_FILE:powercut_run>
    KILL_RUN=$<TARGET_FILE:kill_run>)
