// All that a mail to a bank on a planned stop may say: the gate of promise 11 for those mails, as
// bank_view.hpp is for failures. Service names, times, and the words that the lead wrote for banks.
#pragma once

#include "mail_template.hpp"
#include "state.hpp"
#include "words.hpp"

namespace yagura {

const Vocabulary& stop_vocabulary();
// `notice.stop` may be gone, its bank may have left: then what is not known says so.
View stop_view(const Platform& platform, const State& state, const Notice& notice,
               const Words& words, Instant now);

}  // namespace yagura
