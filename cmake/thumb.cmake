# A microcontroller, for the core's size: Debian's compiler for bare ARM, and
# no C library at all.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-mthumb -mcpu=cortex-m4")
set(CMAKE_C_FLAGS_MINSIZEREL "-Os" CACHE STRING "Flags of MinSizeRel")
