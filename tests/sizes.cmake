# Sizes on a small machine; the compiler for that is not this build's.
add_test(NAME sizes
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/sizes/sizes.sh
            ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/sizes)
set_tests_properties(sizes PROPERTIES SKIP_RETURN_CODE 77)
