# What makes errors with memory harder to use against us, for all programs; tests/deploy/hardening_test.py reads it
# back from them. With sanitizers only the linker's part: they check more, and do not go together
# with _FORTIFY_SOURCE.
include(CheckCXXCompilerFlag)
string(TOUPPER "${CMAKE_BUILD_TYPE}" LANDSEER_CONFIG)
set(LANDSEER_CONFIG_FLAGS "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${LANDSEER_CONFIG}}")

if(NOT LANDSEER_SANITIZER)
  target_compile_options(project_options INTERFACE -fstack-protector-strong)
  foreach(flag stack-clash-protection cf-protection=full)
    string(MAKE_C_IDENTIFIER LANDSEER_HAS_${flag} known)
    check_cxx_compiler_flag(-f${flag} ${known})
    if(${known})
      target_compile_options(project_options INTERFACE -f${flag})
    endif()
  endforeach()
  # It works by optimization; 3 also checks sizes that are known only when the program runs.
  if(LANDSEER_CONFIG_FLAGS MATCHES "-O[1-3s]")
    target_compile_options(project_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
  set(is_shared $<IN_LIST:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY$<SEMICOLON>MODULE_LIBRARY>)
  target_compile_options(project_options INTERFACE $<$<NOT:${is_shared}>:-fPIE>)
  target_link_options(project_options INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()
target_link_options(project_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
