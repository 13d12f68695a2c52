# Run by `cmake --install`, once everything else is in place.

# PATH, if it is relative, below the prefix.
function(below_prefix path out)
    get_filename_component(full "${path}" ABSOLUTE
                           BASE_DIR "${CMAKE_INSTALL_PREFIX}")
    set(${out} "${full}" PARENT_SCOPE)
endfunction()

below_prefix("${CMAKE_INSTALL_BINDIR}" bindir)
below_prefix("${CMAKE_INSTALL_LIBDIR}" libdir)
below_prefix("${CMAKE_INSTALL_INCLUDEDIR}" includedir)
below_prefix("${SHALE_HELPER_DIR}" helpers)

# pkg-config files.
set(packages shale-core)
if(SHALE_HOST)
    list(APPEND packages shale)
endif()
foreach(name IN LISTS packages)
    message(STATUS "Installing: $ENV{DESTDIR}${libdir}/pkgconfig/${name}.pc")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in"
                   "$ENV{DESTDIR}${libdir}/pkgconfig/${name}.pc" @ONLY)
endforeach()

# An archive's own names must not meet those of the program it is linked into.
foreach(archive IN LISTS archives)
    execute_process(
        COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/private-names.sh"
                "${CMAKE_NM}" "${CMAKE_OBJCOPY}"
                "$ENV{DESTDIR}${libdir}/${archive}"
        COMMAND_ERROR_IS_FATAL ANY)
endforeach()

# The command under the names that mount(8), umount(8) and fsck(8) call it by:
# relative links, so that a staged tree can be moved, but not out of the prefix,
# since /sbin may itself be a link, which "../" would not see.
if(SHALE_HOST)
    set(names fsck.shale fsck.fuse.shale)
    if(SHALE_FUSE)
        list(APPEND names mount.shale mount.fuse.shale
                          umount.shale umount.fuse.shale)
    endif()
    set(target "${bindir}/shale")
    string(FIND "${helpers}/" "${CMAKE_INSTALL_PREFIX}/" inside)
    if(inside EQUAL 0)
        file(RELATIVE_PATH target "${helpers}" "${target}")
    endif()
    file(MAKE_DIRECTORY "$ENV{DESTDIR}${helpers}")
    foreach(name IN LISTS names)
        message(STATUS "Installing: $ENV{DESTDIR}${helpers}/${name}")
        file(CREATE_LINK "${target}" "$ENV{DESTDIR}${helpers}/${name}" SYMBOLIC)
    endforeach()
endif()
