# Puts the mail templates into the program, so that it needs no file at run time. Included, this defines
#   yagura_embed_templates(target)
# Run as a script (-P), it writes the source file: OUTPUT from TEMPLATES, files in a folder for each language. They are named
# in the command, so that one that is removed is noticed too.
if(CMAKE_SCRIPT_MODE_FILE)
  list(SORT TEMPLATES)
  set(rows "")
  foreach(template ${TEMPLATES})
    get_filename_component(name ${template} NAME)
    get_filename_component(language ${template} DIRECTORY)
    get_filename_component(language ${language} NAME)
    file(READ ${template} text)
    string(FIND "${text}" ")yagura\"" clash)
    if(NOT clash EQUAL -1)
      message(FATAL_ERROR "${template}: must not contain )yagura\"")
    endif()
    string(APPEND rows "    {Language::${language}, \"${name}\", R\"yagura(${text})yagura\"},\n")
  endforeach()
  file(WRITE ${OUTPUT} "#include \"embedded.hpp\"\n\nnamespace yagura {\n\n"
    "const std::vector<EmbeddedTemplate>& embedded_templates() {\n"
    "  static const std::vector<EmbeddedTemplate> templates{\n${rows}  };\n  return templates;\n}\n\n}\n")
else()
  set(YAGURA_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  set(YAGURA_MAIL_TEMPLATES ${CMAKE_CURRENT_LIST_DIR}/mail)
  function(yagura_embed_templates target)
    file(GLOB templates CONFIGURE_DEPENDS ${YAGURA_MAIL_TEMPLATES}/ja/*.txt ${YAGURA_MAIL_TEMPLATES}/en/*.txt)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_templates.cpp)
    add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} "-DTEMPLATES=${templates}" -DOUTPUT=${output} -P ${YAGURA_EMBED_SCRIPT}
      DEPENDS ${templates} ${YAGURA_EMBED_SCRIPT} VERBATIM)
    target_sources(${target} PRIVATE ${output})
  endfunction()
endif()
