# x86-64 without an operating system, by the compiler of an x86-64 host. The
# kernel saves no vector registers, and interrupts use the stack they find.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
if(NOT CMAKE_C_COMPILER)
    set(CMAKE_C_COMPILER gcc)
endif()
foreach(language IN ITEMS C ASM)
    set(CMAKE_${language}_COMPILER_TARGET x86_64-linux-gnu)   # heeded by clang
endforeach()
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-mgeneral-regs-only -mno-red-zone -mno-mmx -mno-sse \
-fcf-protection=none -fno-stack-protector -fno-pie \
-fno-asynchronous-unwind-tables")
