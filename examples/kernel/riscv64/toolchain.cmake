# RISC-V without an operating system: Debian's cross compiler, or clang with
# its linker. No floating-point registers; the code may be anywhere.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
if(NOT CMAKE_C_COMPILER)
    set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
endif()
foreach(language IN ITEMS C ASM)
    set(CMAKE_${language}_COMPILER_TARGET riscv64-linux-gnu)   # heeded by clang
endforeach()
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# GCC counts the control registers as an extension of its own, and its limits.h
# looks for a C library's unless told that this has been read.
set(compiler_flags "-march=rv64imac_zicsr_zifencei -D_LIBC_LIMITS_H_")
if(CMAKE_C_COMPILER MATCHES "clang")
    set(compiler_flags "-march=rv64imac")
endif()
set(CMAKE_C_FLAGS_INIT "${compiler_flags} -mabi=lp64 -mcmodel=medany \
-fno-stack-protector -fno-pie -fno-asynchronous-unwind-tables")
set(CMAKE_ASM_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")
