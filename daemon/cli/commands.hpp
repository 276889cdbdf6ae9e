// The functions of the table of commands (command_table.cpp): each takes what was given, does it,
// prints, and gives the exit status.
#pragma once

#include "arguments.hpp"
#include "terminal.hpp"

namespace yagura::cli {

// Looking (looking.cpp).
int status(const Arguments& given, const Terminal& terminal);
int failures(const Arguments& given, const Terminal& terminal);
int show(const Arguments& given, const Terminal& terminal);
int why_notices(const Arguments& given, const Terminal& terminal);
int notices(const Arguments& given, const Terminal& terminal);
int notice_show(const Arguments& given, const Terminal& terminal);
int notice_preview(const Arguments& given, const Terminal& terminal);  // notice_text.cpp
int stops(const Arguments& given, const Terminal& terminal);
int stop_plan(const Arguments& given, const Terminal& terminal);
int stop_change(const Arguments& given, const Terminal& terminal);
int stop_end(const Arguments& given, const Terminal& terminal);
int stop_cancel(const Arguments& given, const Terminal& terminal);
int duty(const Arguments& given, const Terminal& terminal);         // duty_command.cpp
int duty_swap(const Arguments& given, const Terminal& terminal);    // duty_command.cpp
int duty_cancel(const Arguments& given, const Terminal& terminal);  // duty_command.cpp
int jobs(const Arguments& given, const Terminal& terminal);
int probe(const Arguments& given, const Terminal& terminal);
int samples(const Arguments& given, const Terminal& terminal);  // samples_command.cpp
int record(const Arguments& given, const Terminal& terminal);  // record_command.cpp
int record_archive(const Arguments& given, const Terminal& terminal);  // record_upkeep_commands.cpp
int record_erase(const Arguments& given, const Terminal& terminal);    // record_upkeep_commands.cpp

// Acting (acting.cpp).
int ack(const Arguments& given, const Terminal& terminal);
int respond(const Arguments& given, const Terminal& terminal);
int report(const Arguments& given, const Terminal& terminal);
int escalate(const Arguments& given, const Terminal& terminal);
int recover(const Arguments& given, const Terminal& terminal);
int confirm(const Arguments& given, const Terminal& terminal);
int classify(const Arguments& given, const Terminal& terminal);
int banks(const Arguments& given, const Terminal& terminal);
int open(const Arguments& given, const Terminal& terminal);
int notice_hold(const Arguments& given, const Terminal& terminal);
int notice_release(const Arguments& given, const Terminal& terminal);
int notice_withdraw(const Arguments& given, const Terminal& terminal);
int notice_security(const Arguments& given, const Terminal& terminal);
int notice_edit(const Arguments& given, const Terminal& terminal);  // notice_text.cpp
int reload(const Arguments& given, const Terminal& terminal);
int backup(const Arguments& given, const Terminal& terminal);  // backup_command.cpp

// Inquiries (inquiry_commands.cpp).
int inquiries(const Arguments& given, const Terminal& terminal);
int inquiry_show(const Arguments& given, const Terminal& terminal);
int inquiry_open(const Arguments& given, const Terminal& terminal);
int inquiry_reply(const Arguments& given, const Terminal& terminal);
int inquiry_close(const Arguments& given, const Terminal& terminal);
int inquiry_link(const Arguments& given, const Terminal& terminal);
int inquiry_receive(const Arguments& given, const Terminal& terminal);  // inquiry_receive.cpp

int job_run(const Arguments& given, const Terminal& terminal);  // job_run.cpp
int job_deliver(const Arguments& given, const Terminal& terminal);

// Without a daemon.
int config_check(const Arguments& given, const Terminal& terminal);    // local_commands.cpp
int list_probe_kinds(const Arguments& given, const Terminal& terminal);  // probe_kinds_command.cpp
int rehearse_story(const Arguments& given, const Terminal& terminal);  // local_commands.cpp
int calendar(const Arguments& given, const Terminal& terminal);        // calendar_command.cpp
int restore(const Arguments& given, const Terminal& terminal);         // restore_command.cpp

// Says what is wrong with what was given, and where to read more. Gives exit_usage.
int wrong_usage(const Arguments& given, const Terminal& terminal, std::string_view what);

}  // namespace yagura::cli
