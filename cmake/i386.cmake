# A 32-bit kernel of a PC. The first processor of that kind, alone, had no
# instruction to compare and exchange: the second one will do.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR i386)
set(CMAKE_C_COMPILER i686-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT "-march=i486 -fno-stack-protector")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
