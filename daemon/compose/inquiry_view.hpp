// What an answer to an inquiry says to the one who asked: the desk's words, what was asked, and the
// number to refer to. Filled from the inquiry alone, so that nothing of the platform can get in.
#pragma once

#include "mail_template.hpp"
#include "state.hpp"
#include "words.hpp"

namespace yagura {

const Vocabulary& answer_vocabulary();
View answer_view(const Platform& platform, const State& state, const Notice& notice,
                 const Words& words, Instant now);

// "RE: Re: ログインできない [問合せ番号 3]" -> "ログインできない".
std::string plain_subject(std::string_view subject);
// The Message-IDs of the inquiry's mails in both directions, up to that answer.
std::vector<std::string> references_of_inquiry(const State& state, const Notice& notice);
// The message of the inquiry that the notice carries; null: there is none.
const InquiryMessage* message_of(const Inquiry& inquiry, const Notice& notice);

}  // namespace yagura
