// All that the mail on a leak, loss or tampering may say: the bank, and the words that the system lead wrote for it. The gate of
// promise 11 for that mail.
#pragma once

#include "mail_template.hpp"
#include "notice.hpp"
#include "platform.hpp"
#include "words.hpp"

namespace yagura {

const Vocabulary& security_vocabulary();
View security_view(const Platform& platform, const Notice& notice, const Words& words, Instant now);

}  // namespace yagura
