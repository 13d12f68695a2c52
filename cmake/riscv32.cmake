# A 32-bit RISC-V without floating point. Debian's compiler is for 64 bits and
# makes 32 as well; it has no C library for them, which the core does not miss.
# Made for size, or where it takes code for rarely used, numbers of 64 bits are
# shifted by functions of the compiler's: hence these flags.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT
    "-march=rv32imac -mabi=ilp32 -mcmodel=medany -fno-stack-protector \
-fno-guess-branch-probability")
set(CMAKE_C_FLAGS_MINSIZEREL "-O2 -DNDEBUG" CACHE STRING "")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
