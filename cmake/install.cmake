# `cmake --install build/release --prefix DIR`: the programs, the page, completion for shells, and the documents.
# The dashboard looks for its page in ../share/landseer/web of its own folder, so that DIR may be moved.
set(page ${PROJECT_SOURCE_DIR}/dashboard/web/dist)
install(TARGETS landseer landseer-broker landseer-worker landseer-dashboard RUNTIME DESTINATION bin)
install(DIRECTORY ${page}/ DESTINATION share/landseer/web OPTIONAL PATTERN stamp EXCLUDE)
install(DIRECTORY docs/ DESTINATION share/doc/landseer)
install(FILES README.md CHANGELOG.md DESTINATION share/doc/landseer)

# The program knows its own options: what is installed is what it says.
install(CODE "
  if(NOT EXISTS \"${page}/index.html\")
    message(STATUS \"The dashboard's page is not built: run dashboard/web/build.sh, then install again\")
  endif()
  set(made \"${CMAKE_BINARY_DIR}/completion\")
  file(MAKE_DIRECTORY \"\${made}\")
  foreach(each bash,share/bash-completion/completions,landseer zsh,share/zsh/site-functions,_landseer
               fish,share/fish/vendor_completions.d,landseer.fish)
    string(REPLACE \",\" \";\" parts \${each})
    list(POP_FRONT parts shell folder file)
    execute_process(COMMAND \"$<TARGET_FILE:landseer>\" completion \${shell} OUTPUT_FILE \"\${made}/\${file}\"
                    COMMAND_ERROR_IS_FATAL ANY)
    file(INSTALL \"\${made}/\${file}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/\${folder}\")
  endforeach()")
