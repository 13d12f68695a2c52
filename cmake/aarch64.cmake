# A 64-bit ARM kernel, which does not touch the floating-point registers.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT
    "-mgeneral-regs-only -mno-outline-atomics -fno-stack-protector")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
