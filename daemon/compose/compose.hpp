// Writes the mails: subject and text of a notice from the templates, the thread that it belongs to,
// its headers. It decides nothing, and reads no clock: the same state, notice and `now` give the
// same mail.
//
// What a bank reads goes through BankView (bank_view.hpp), what everybody else reads through
// ops_view.hpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "language.hpp"
#include "mail_template.hpp"
#include "message.hpp"
#include "state.hpp"
#include "template_files.hpp"
#include "words.hpp"

namespace yagura {

// What a template of that kind may ask for.
const Vocabulary& vocabulary_of(NoticeKind kind);
// What it gets.
View view_of(const Platform& platform, const State& state, const Notice& notice, const Words& words, Instant now);

class Composer {
 public:
  // The built-in templates of every language, single ones of them replaced by own files of the
  // same name. Error: every unknown or missing name, hole, or misspelt file, a line each:
  // "FILE:LINE: …", in languages that nobody reads too.
  static Result<Composer> load(const Writing& writing);
  static Result<Composer> load(const std::string& own_folder);  // nothing else said

  std::string subject(const Platform& platform, const State& state, const Notice& notice,
                      Instant now) const;
  struct Mail {
    std::string subject;  // one line
    std::string body;     // lines of at most 72 columns, commands to copy apart; LF
  };
  // A notice that carries others gives one mail with all of them. A kind that has no template gives
  // its name.
  Mail text(const Platform& platform, const State& state, const Notice& notice, Instant now) const;
  // Error: nobody to write to, or a kind that has no template.
  Result<Message> compose(const Platform& platform, const State& state, const Notice& notice,
                          const Mailbox& from, Instant now) const;

  // Of the bank that it is for; of everybody else, the one for all.
  Language language_of(const State& state, const Notice& notice) const;

  // The kinds that there are templates for.
  static const std::vector<NoticeKind>& kinds();

 private:
  // The raw text; what is missing in the view goes to `missing` (never, as long as views keep to
  // their vocabulary).
  Mail render(const Platform& platform, const State& state, const Notice& notice, Instant now,
              bool bundled, std::vector<std::string>& missing) const;
  Mail render_all(const Platform& platform, const State& state, const Notice& notice, Instant now,
                  std::vector<std::string>& missing) const;

  struct Texts {
    std::map<NoticeKind, MailTemplate> templates;
    MailTemplate bundle;
    Words words;
    std::string contact;    // where banks ask; may be empty
    std::string signature;  // may be empty
  };
  static Texts read(Language language, const TemplateFiles& files,
                    std::vector<std::string>& errors);

  Writing writing_;
  std::map<Language, Texts> texts_;
};

}  // namespace yagura
