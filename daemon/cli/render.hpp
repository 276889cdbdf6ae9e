// What the daemon answers, as people read it in a terminal of 80 columns: pure functions of the
// answer (docs/api.md) and the screen. Times that matter are also said as "12m ago".
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "terminal.hpp"

namespace yagura::cli {

std::string render_status(const boost::json::value& status, const Screen& screen);
std::string render_failures(const boost::json::value& failures, const Screen& screen);
std::string render_failure(const boost::json::value& failure, const Screen& screen);
std::string render_why(const boost::json::value& lines, const Screen& screen);
std::string render_notices(const boost::json::value& notices, const Screen& screen);
// `rows`: the record's rows of that notice, or null.
std::string render_notice(const boost::json::value& notice, const boost::json::value& rows,
                          const Screen& screen);
std::string render_stops(const boost::json::value& stops, const Screen& screen);
std::string render_inquiries(const boost::json::value& inquiries, const Screen& screen);
// Of mails that nobody is answered by.
std::string render_aside(const boost::json::value& inquiries, const Screen& screen);
std::string render_inquiry(const boost::json::value& inquiry, const Screen& screen);
std::string render_jobs(const boost::json::value& jobs, const Screen& screen);
std::string render_observations(const boost::json::value& observations, const Screen& screen);
std::string render_samples(const boost::json::value& history, const Screen& screen);
// `day` is the day of the last row printed before, and is set to that of these rows' last.
std::string render_record(const boost::json::value& rows, const Screen& screen, std::string& day);

// A row of the record in words, without its time: "acknowledged by suzuki: 着手". Of a row of an
// unknown kind its details as they are.
std::string fact_words(const boost::json::value& row);

}  // namespace yagura::cli
