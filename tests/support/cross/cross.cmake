# The unit tests on a machine that has no libcheck: check.h here is enough of
# it. What the core's tests borrow from host/ is plain POSIX and comes along.
# Left out is what tests host/, or is judged by a program of this machine's, or
# is about how long something takes.
find_package(Threads REQUIRED)
add_library(test-support STATIC
    ${support_sources} support/cross/check.c
    ${PROJECT_SOURCE_DIR}/host/lock.c ${PROJECT_SOURCE_DIR}/host/once.c
    ${PROJECT_SOURCE_DIR}/host/pages.c ${PROJECT_SOURCE_DIR}/host/places.c
    ${PROJECT_SOURCE_DIR}/host/workers.c)
target_include_directories(test-support PUBLIC support/cross)
target_link_libraries(test-support PUBLIC test-core Threads::Threads)

file(GLOB tests CONFIGURE_DEPENDS test_*.c)
list(FILTER tests EXCLUDE REGEX
     "/test_(host|fuse|tools|(check|fat|ext2|ntfs)_faults|fat_regressions|\
ext2_(threads|hostile))|_sfdisk.c$")
unit_tests(${tests})
