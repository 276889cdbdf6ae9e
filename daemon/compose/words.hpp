// The words that mails use for what the program has identifiers for: classes, phases, roles,
// results, rules. Read from words.txt beside the templates; a word that is missing or unknown is an
// error when they are read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "failure.hpp"
#include "language.hpp"
#include "mail_template.hpp"
#include "notice.hpp"
#include "observation.hpp"

namespace yagura {

class Words {
 public:
  // `own` may be null; it changes single words. Error: all that is wrong, a line each.
  static Result<Words> parse(const TemplateSource& base, const TemplateSource* own,
                             Language language = Language::ja);

  // How the language of these words writes times, lists and the like.
  const Phrases& phrases() const { return phrases_of(language_); }

  const std::string& operator[](std::string_view key) const;  // of the known keys only
  // The word with its "%" replaced by the number.
  std::string counted(std::string_view key, std::size_t number) const;
  const std::string& of(FailureClass value) const;
  const std::string& of(ClassRule value) const;
  const std::string& of(Phase value) const;
  const std::string& of(StepResult value) const;
  const std::string& of(Verdict value) const;
  const std::string& of(NoticeKind value) const;
  const std::string& of(Role role) const;
  // "system-lead" -> システム統括; "bank:…" is not its business.
  std::string role_named(std::string_view name) const;

  // Every key that the program asks for.
  static const std::vector<std::string>& keys();

 private:
  Language language_ = Language::ja;
  std::map<std::string, std::string, std::less<>> words_;
};

}  // namespace yagura
