# What an installed Shale looks like to those who build against it.
add_test(NAME install
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_install.sh
            ${CMAKE_COMMAND} ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR}
            ${CMAKE_C_COMPILER} ${CMAKE_NM})
set_tests_properties(install PROPERTIES SKIP_RETURN_CODE 77)

# Nor does the command need libfuse.
add_test(NAME without_fuse
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/without_fuse.sh ${CMAKE_COMMAND}
            ${PROJECT_SOURCE_DIR} ${CMAKE_C_COMPILER})
