# What `cmake --install` puts in place, and where.
#
# SHALE_HELPER_DIR is where mount(8) looks for mount.shale, and fsck(8) for
# fsck.shale: /sbin on every distribution, whatever the prefix. The default
# stays inside the prefix, so that an install without root works.
include(CMakePackageConfigHelpers)

set(SHALE_HELPER_DIR ${CMAKE_INSTALL_SBINDIR} CACHE STRING
    "Where mount.shale goes; /sbin for mount(8) and fstab to find it")
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/shale)
set(libraries shale-core)
if(SHALE_HOST)
    list(APPEND libraries shale shale-shared)
    set_target_properties(shale PROPERTIES EXPORT_NAME shale-static)
    set_target_properties(shale-shared PROPERTIES EXPORT_NAME shale)
endif()

# Headers, libraries, and how a build system finds them.
if(NOT SHALE_HOST)
    set(without PATTERN host.h EXCLUDE)
endif()
install(DIRECTORY include/shale DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    ${without})
install(TARGETS ${libraries} EXPORT shale-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT shale-targets NAMESPACE shale:: DESTINATION ${package_dir})

configure_package_config_file(cmake/shale-config.cmake.in shale-config.cmake
    INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
    ${CMAKE_CURRENT_BINARY_DIR}/shale-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/shale-config.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/shale-config-version.cmake
    DESTINATION ${package_dir})

# The command; its other names are made late.
if(SHALE_HOST)
    install(TARGETS shale-command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    if(SHALE_FUSE)
        install(TARGETS shale-mount
            RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shale)
    endif()
    file(GLOB completion CONFIGURE_DEPENDS tools/completion/*.bash)
    install(FILES ${completion} RENAME shale
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    file(GLOB pages CONFIGURE_DEPENDS docs/man/*.[1-8])
    foreach(page IN LISTS pages)
        string(REGEX MATCH "[1-8]$" section ${page})
        install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endforeach()
endif()

# The rest depends on the prefix given to `cmake --install`.
set(archives "")
foreach(library IN LISTS libraries)
    get_target_property(type ${library} TYPE)
    if(type STREQUAL STATIC_LIBRARY)
        list(APPEND archives $<TARGET_FILE_NAME:${library}>)
    endif()
endforeach()
foreach(name IN ITEMS PROJECT_SOURCE_DIR PROJECT_VERSION SHALE_HOST SHALE_FUSE
                      SHALE_HELPER_DIR CMAKE_INSTALL_BINDIR
                      CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR
                      CMAKE_NM CMAKE_OBJCOPY archives)
    install(CODE "set(${name} \"${${name}}\")")
endforeach()
install(SCRIPT cmake/install-late.cmake)
