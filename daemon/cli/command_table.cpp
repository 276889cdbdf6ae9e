// The table of all commands. docs/man/yagura.1 says the same at more length.
#include "commands.hpp"
#include "options.hpp"

namespace yagura::cli {
namespace {

using Need = Taken::Need;

constexpr std::string_view readers = "the people of the configuration, and root";
constexpr std::string_view ops = "ap-ops, infra-ops, system-lead";
constexpr std::string_view lead = "system-lead";

const Taken number{"N", "N", "the failure's number, as `yagura failures` lists it", Need::required};
const Taken notice_id{"ID", "ID", "the notice's number, as `yagura notices` lists it",
                      Need::required};
const Taken notice_ids{"ID", "ID", "the notices' numbers, as `yagura notices` lists them",
                       Need::repeated};
const Taken stop_id{"ID", "ID", "the stop's number, as `yagura stops` lists it", Need::required};
const Taken text{"-m,--message", "TEXT", "what is said about it; line breaks are kept",
                 Need::optional};
const Taken wanted_text{"-m,--message", "TEXT", "what is said about it; line breaks are kept",
                        Need::required};

constexpr std::string_view desk = "inquiry-desk, system-lead";
const Taken inquiry_id{"N", "N", "the inquiry's number, as `yagura inquiries` lists it", Need::required};

// Of the inquiry desk (C5).
std::vector<CommandRow> of_inquiries() {
  return {
      {"inquiries",
       "[--all | --unknown]",
       "inquiry-desk, system-lead, and root",
       "what was asked, and waits for an answer",
       "The inquiries that are open: those that wait for an answer, with the time by which it is due, and those that "
       "are answered and not yet confirmed by who asked. With --all those closed, too. With --unknown the mails that are kept "
       "aside, and that nobody waits for: of senders who are none of the contacts and people, of programs, and of who wrote "
       "more than 20 within an hour. `yagura inquiry close N` takes one off that list.",
       "  yagura inquiries\n  yagura inquiries --unknown\n",
       {{"--all", "", "those closed, too"}, {"--unknown", "", "the mails kept aside"}},
       inquiries},
      {"inquiry show",
       "N",
       "inquiry-desk, system-lead, and root",
       "one inquiry with all its messages",
       "One inquiry: who asks, what was asked and answered, and which failures it is about.",
       "  yagura inquiry show 3\n",
       {inquiry_id},
       inquiry_show},
      {"inquiry open",
       "(--bank B | --from TEXT) [--subject S] -m TEXT",
       desk,
       "takes an inquiry in, as from the telephone",
       "Takes an inquiry in that came by telephone or otherwise. --bank names the bank; where it has several contacts "
       "--from says which, by name or address. Without a bank --from is a colleague (name or address), or any words. "
       "Answers are mailed only to contacts and people of the configuration. The answer says by when a first reply is "
       "due: `inquiries.first_reply_within`, counted in the response hours.",
       "  yagura inquiry open --bank aozora --subject ログイン -m 'ログインできない'\n",
       {{"--bank", "B", "whose administrator asks"},
        {"--from", "TEXT", "who asks"},
        {"--subject", "S", "what it is about, in one line"},
        wanted_text},
       inquiry_open},
      {"inquiry reply",
       "(N | --failure N) -m TEXT [--again]",
       desk,
       "answers an inquiry",
       "Answers: the text is mailed to who asked, in the response hours and in the thread of their mail. Write words "
       "that a bank may read: no names of hosts or of other banks. Where somebody has answered already it is refused, "
       "with what was said; --again says more. With --failure all whose open inquiries are linked to that failure get "
       "the text, each a mail of their own; where somebody else has told them all already, it takes --again as well.",
       "  yagura inquiry reply 3 -m '調査中です。本日15時までにご連絡します。'\n"
       "  yagura inquiry reply --failure 12 -m '復旧作業を進めております。'\n",
       {{"N", "N", "the inquiry's number, as `yagura inquiries` lists it"},
        {"--failure", "N", "all who ask about this failure"},
        {"--again", "", "although it is answered"},
        wanted_text},
       inquiry_reply},
      {"inquiry close",
       "N [-m TEXT]",
       desk,
       "closes an inquiry that was confirmed",
       "Closes an inquiry, when who asked has confirmed that it is settled (C5). One that still waits for an answer "
       "needs -m, with how it ended.",
       "  yagura inquiry close 3 -m '電話で解決を確認'\n",
       {inquiry_id, text},
       inquiry_close},
      {"inquiry link",
       "N --failure M",
       desk,
       "says which failure an inquiry is about",
       "Links an inquiry to a failure, so that `yagura inquiry reply --failure M` reaches who asked. "
       "`yagura open --inquiry N` reports a failure because of an inquiry, and links it.",
       "  yagura inquiry link 3 --failure 12\n",
       {inquiry_id, {"--failure", "M", "the failure's number", Need::required}},
       inquiry_link},
      {"inquiry receive",
       "[--sender ADDRESS]",
       "the user of the daemon, called by a mail server",
       "takes a mail in from standard input",
       "Reads a mail to the inquiry desk from standard input, and keeps it until the daemon has recorded it, which may be away. "
       "--sender is the envelope's sender, empty for a bounce; without it the environment's SENDER. Exit status: 0 it is "
       "kept; 75 it cannot be kept now, try again; 69 it is empty or larger than 25 MB, and refused.",
       "  yagura inquiry receive --sender taro@aozora.example < mail\n",
       {{"--sender", "ADDRESS", "who sent it, by the envelope"}},
       inquiry_receive},
  };
}

std::vector<CommandRow> looking() {
  return {
      {"status",
       "",
       readers,
       "how things stand",
       "Services, components, open failures, held notices, windows and planned stops.",
       "  yagura status\n  yagura status --json | jq '.failures[].title'\n",
       {},
       status},
      {"failures",
       "[--all]",
       readers,
       "the open failures",
       "The failures that are open; with --all those closed, too.",
       "  yagura failures\n  yagura failures --all --json\n",
       {{"--all", "", "those closed, too"}},
       failures},
      {"show",
       "N",
       readers,
       "one failure with all that happened to it",
       "One failure: its class with the reason, its cause, the primary response, the reports, what "
       "the banks were told, and everything that happened to it, in order.",
       "  yagura show 12\n",
       {number},
       show},
      {"why",
       "N | --stop N",
       readers,
       "why each notice was sent, is held, or is not owed",
       "Every notice of a failure, sent, held, suppressed or owed, each with the rule that decided "
       "so; and for every bank that is told nothing, why. Of a planned stop likewise.",
       "  yagura why 12\n  yagura why --stop 3\n",
       {{"N", "N", "the failure's number"}, {"--stop", "N", "of this planned stop, as `yagura stops` lists it"}},
       why_notices},
      {"notices",
       "[--held|--failed|--all]",
       readers,
       "the notices that are still to go",
       "The notices that are not out yet; or those held, those that had trouble, or all.",
       "  yagura notices --held\n",
       {{"--held", "", "those that wait for a window, the lead, or a time"},
        {"--failed", "", "those refused, undeliverable, or tried in vain so far"},
        {"--all", "", "those sent, merged and withdrawn, too"}},
       notices},
      {"notice show",
       "ID",
       readers,
       "one notice: its mail, and how delivery went",
       "One notice: its state and the reason, its recipients, each attempt to deliver it, and the "
       "mail itself: as it was sent, or as it would go now.",
       "  yagura notice show 31\n",
       {notice_id},
       notice_show},
      {"notice preview",
       "ID",
       readers,
       "a notice as its reader will see it",
       "The mail alone: to whom, the subject and the text, as it was sent or as it would go now.",
       "  yagura notice preview 31\n",
       {notice_id},
       notice_preview},
      {"stops",
       "[--all]",
       readers,
       "planned stops",
       "The planned stops: those under way and to come, and the next of each regular one; with --all "
       "those that are over, too.",
       "  yagura stops\n",
       {{"--all", "", "those that are over, too"}},
       stops},
      {"duty",
       "[--at T]",
       readers,
       "who is on duty, now and next",
       "Who of each role is on duty, and who is next; at another time with --at. A role that has no roster in the "
       "configuration (`duty:`) has everybody mailed.",
       "  yagura duty\n  yagura duty --at 2026-12-31T23:00:00+09:00\n",
       {{"--at", "T", "at that time"}},
       duty},
      {"jobs",
       "",
       readers,
       "the jobs: last and next runs",
       "The jobs, how their last run ended, and when the next is expected.",
       "  yagura jobs\n",
       {},
       jobs},
      {"probe",
       "COMPONENT[/NAME] | --kinds",
       "the people of the configuration, and root; --kinds: anybody",
       "runs a probe now, or lists the kinds",
       "Runs one probe, or all probes of a component, now, and prints what is observed. What it "
       "finds counts as any other run. A job's probe waits for its job, and is not run. "
       "--kinds lists the kinds of probes that there are, and needs no daemon; docs/probes.md says "
       "all of each.",
       "  yagura probe database/tcp\n  yagura probe web-1\n  yagura probe --kinds\n",
       {{"COMPONENT", "COMPONENT[/NAME]", "the component, and which of its probes"},
        {"--kinds", "", "the kinds of probes"}},
       probe},
      {"samples",
       "COMPONENT[/PROBE] [--since T] [--until T]",
       readers,
       "how probes ran: availability, measured values",
       "How the probes of a component ran, of the last day or from --since to --until: how many runs there were, how many of "
       "them found it failing, the availability, and of each measured value mean / maximum. By five minutes up to three hours "
       "of the last two days, by the hour up to eight days, else by the day. Availability is the share of the runs that did "
       "not find the target failing; runs that could not look are left out. A time is a duration before now, or RFC 3339. "
       "They are kept for `retention.samples`.",
       "  yagura samples web-1/http --since 2h\n  yagura samples database --since 30d\n"
       "  yagura samples web-1 --since 2026-12-27T22:00+09:00\n",
       {{"COMPONENT", "COMPONENT[/PROBE]", "the component, and which of its probes", Need::required},
        {"--since", "T", "from when on: 24h, 30d, or a time"},
        {"--until", "T", "up to when; default: now"}},
       samples},
      {"record",
       "[--since T] [--until T] [--failure N] [--who X] [--what GLOB] [--export csv|jsonl] | "
       "--verify [FILE]",
       "system-lead, auditor, root",
       "the record of everything that happened",
       "The record of operations. For people it leaves out the rows that only hold states; an "
       "export has every row and column, with the chain of digests (docs/record.md). Times are "
       "RFC 3339; --until is exclusive. An export of a part ends with a row that says of what. "
       "--verify FILE needs no daemon: FILE is an archive, an export as jsonl, or a backup.",
       "  yagura record --since 2027-01-04T00:00:00+09:00 --what 'access.*'\n"
       "  yagura record --failure 12 --export csv > failure-12.csv\n  yagura record --verify\n",
       {{"--since", "T", "from this time on"},
        {"--until", "T", "until before this time"},
        {"--failure", "N", "of this failure"},
        {"--who", "X", "by this person; `daemon`, `unix:NAME`"},
        {"--what", "GLOB", "of this name, `notice.sent`, or of such names, `notice.*`"},
        {"--export", "FORM", "csv (RFC 4180) or jsonl, to standard output"},
        {"--verify", "", "walks the chain from its beginning"},
        {"FILE", "FILE", "of --verify: what to look at in place of the daemon's record"}},
       record}};
}

std::vector<CommandRow> acting() {
  return {
      {"ack",
       "N [-m TEXT]",
       ops,
       "takes a failure in hand",
       "Says that you have taken the failure in hand. Reminders, and the steps of escalation meant "
       "for a failure that nobody takes, fall away; what banks are owed does not.",
       "  yagura ack 12 -m 着手\n",
       {number, text},
       ack},
      {"respond",
       "N (--success|--failed) [-m TEXT]",
       ops,
       "ends a manual step of the response",
       "Ends the step of the primary response that is to be done by hand. Whether the service is "
       "back, the probes say then. Refused where no such step runs.",
       "  yagura respond 12 --success -m 切替完了\n",
       {number, {"--success", "", "it is done"}, {"--failed", "", "it could not be done"}, text},
       respond},
      {"report",
       "N -m TEXT [--to-banks]",
       "ap-ops, infra-ops, system-lead; --to-banks: system-lead",
       "a progress report to the lead, or the banks",
       "Reports progress to the system lead. --to-banks sends the very text to the banks that were "
       "told of the failure, in the window for mail to banks.",
       "  yagura report 12 -m '復旧作業中、17時に続報'\n"
       "  yagura report 12 --to-banks -m '17時の復旧を見込んでおります。'\n",
       {number, wanted_text, {"--to-banks", "", "to the banks told of it, as written"}},
       report},
      {"escalate",
       "N [-m TEXT]",
       ops,
       "tells the lead of an incident at once",
       "An incident that happens outside of response hours waits for them before the lead is mailed. This asks for the "
       "lead at once.",
       "  yagura escalate 12 -m 判断をお願いします\n",
       {number, text},
       escalate},
      {"duty swap",
       "ROLE PERSON --from T --until T [-m TEXT]",
       "the people of the role, and system-lead",
       "gives a person a role's duty for a while",
       "Gives a person the duty of a role for a while, in place of whom the roster names. Of swaps that overlap the one "
       "entered last counts.",
       "  yagura duty swap ap-ops kato --from 2026-12-31T09:00:00+09:00 --until …\n",
       {{"ROLE", "ROLE", "the role", Need::required},
        {"PERSON", "PERSON", "who takes it", Need::required},
        {"--from", "T", "from this time on", Need::required},
        {"--until", "T", "until before this time", Need::required},
        text},
       duty_swap},
      {"duty cancel",
       "SWAP",
       "the people of the role, and system-lead",
       "takes a swap of duty back",
       "Takes a swap back: the roster counts again.",
       "  yagura duty cancel 3\n",
       {{"SWAP", "SWAP", "the swap's number, as `yagura duty` shows it", Need::required}},
       duty_cancel},
      {"recover",
       "N [-m TEXT]",
       ops,
       "says that the repair is done",
       "Says that the repair is done. Refused while a probe of the failure fails. The failure "
       "stays open until its recovery is confirmed.",
       "  yagura recover 12\n",
       {number, text},
       recover},
      {"confirm",
       "N -m TEXT [--job-ok]",
       "ap-ops, infra-ops, system-lead; --job-ok: system-lead",
       "confirms the recovery, and closes",
       "Confirms the recovery. Every probe of the failure's components runs afresh (of a job its "
       "last run counts). All well: the failure is closed, and whoever was told of it hears so. "
       "Else it is refused, naming what is not well.",
       "  yagura confirm 12 -m 'ログ・ステータス異常なし'\n",
       {number, wanted_text, {"--job-ok", "", "takes the jobs for well whose last run was not"}},
       confirm},
      {"classify",
       "N (incident|major) -m TEXT",
       lead,
       "decides the class",
       "Decides the class, with a reason; it stands until a further service goes down. A major "
       "failure lowered to an incident: mails to banks that are still held are withdrawn, and "
       "banks told of it get a correction.",
       "  yagura classify 12 incident -m 監視側の誤検知\n",
       {number, {"CLASS", "incident|major", "the class", Need::required}, wanted_text},
       classify},
      {"banks",
       "N (--add|--remove) BANK -m TEXT",
       lead,
       "adds or removes a bank to be told",
       "Adds a bank to those told of the failure, or removes one. A bank added late gets one mail "
       "that says all so far.",
       "  yagura banks 12 --add aozora -m 影響ありと連絡を受けた\n",
       {number,
        {"--add", "BANK", "is told of it from now on"},
        {"--remove", "BANK", "is told nothing more of it"},
        wanted_text},
       banks},
      {"open",
       "(--component C | --service S)... [--class major] [--from-desk] [--inquiry N] -m TEXT",
       "everybody with a role; --class: system-lead",
       "reports a failure seen by a person",
       "Opens a failure that a person has seen, or adds to one that is open. A service named here "
       "counts as down until `yagura recover`.",
       "  yagura open --service site --from-desk -m '管理者から電話、画面が出ない'\n",
       {{"--component", "C", "what has failed; may be given several times", Need::repeated},
        {"--service", "S", "what users cannot use; may be given several times", Need::repeated},
        {"--class", "major", "a major failure at once, without judging"},
        {"--from-desk", "", "the inquiry desk took the report, and is told how it goes on"},
        {"--inquiry", "N", "because of this inquiry, which is linked to it; of the desk and the lead"},
        wanted_text},
       open},
      {"notice hold",
       "ID",
       lead,
       "holds a notice back",
       "Holds a notice back until it is released.",
       "  yagura notice hold 31\n",
       {notice_id},
       notice_hold},
      {"notice release",
       "ID...",
       lead,
       "lets held notices go",
       "Lets notices go that wait for your approval, are held by hand or by a brake. Their window still holds for "
       "them. What a notice says changes after its approval: you are asked anew.",
       "  yagura notice release 31\n  yagura notice release 31 32 33\n",
       {notice_ids},
       notice_release},
      {"notice withdraw",
       "ID...",
       lead,
       "takes a notice away",
       "Takes a notice away that is not sent.",
       "  yagura notice withdraw 31\n",
       {notice_ids},
       notice_withdraw},
      {"notice edit",
       "ID [--file FILE]",
       lead,
       "writes the text of a mail to a bank",
       "Opens the mail's subject and text in your editor ($VISUAL, $EDITOR), and keeps what you write: the bank reads it in "
       "place of the template's words. Both texts are in the record. As soon as the notice has something else to say (a "
       "further report, the recovery), your text is dropped, the template writes it again, and you are told.",
       "  yagura notice edit 31\n  yagura notice edit 31 --file text.txt\n",
       {notice_id, {"--file", "FILE", "the text from this file; `-`: from standard input"}},
       notice_edit},
      {"notice security",
       "--bank B... (--at-once|--in-window) -m TEXT",
       lead,
       "tells banks of a leak, loss or tampering",
       "Prepares a mail on a leak, loss or tampering, or a likely one, in your words, to the banks that you name. It is NOT "
       "sent before you have read it (`yagura notice preview`) and said so a second time (`yagura notice release`); until "
       "then you are reminded every half hour. It is the only mail to banks that needs no major failure, and with "
       "--at-once no window.",
       "  yagura notice security --bank aozora --in-window -m '…'\n  yagura notice security --bank all --at-once -m '…'\n",
       {{"--bank", "B", "a bank; may be given several times; `all`", Need::repeated},
        {"--at-once", "", "goes as soon as it is released, at night too"},
        {"--in-window", "", "goes in the window for mail to banks"},
        wanted_text},
       notice_security},
      {"stop plan",
       "--service S... --from T --until T -m TEXT [--emergency]",
       lead,
       "plans a stop, and announces it to the banks",
       "Plans a stop of services: while it lasts nothing of them opens a failure, and what is not "
       "well after its end opens one then. The banks concerned are told in the window for mail to "
       "banks, and of changes, and of its end. -m says what is done, in words that banks read. "
       "The answer says by when the notice has to go: it can be planned until the fifth business "
       "day before; later only with --emergency, with the reason in -m.",
       "  yagura stop plan --service member-site --from 2027-02-14T01:00:00+09:00 \\\n"
       "      --until 2027-02-14T05:00:00+09:00 -m 'データベース更新のため'\n",
       {{"--service", "S", "what stops, or all; may be given several times", Need::repeated},
        {"--from", "T", "when it begins", Need::required},
        {"--until", "T", "when it ends", Need::required},
        {"--emergency", "", "it cannot wait until five business days' notice are given"},
        {"--after-the-fact", "", "and not even until the notice can go: the banks hear afterwards"},
        wanted_text},
       stop_plan},
      {"stop change",
       "ID [--from T] [--until T] [-m TEXT] [--emergency]",
       lead,
       "changes or extends a planned stop",
       "Changes the times or the words of a planned stop; of one under way, its end: it is extended. "
       "The banks that were told of it are told of the change.",
       "  yagura stop change 3 --until 2027-02-14T07:00:00+09:00\n",
       {stop_id,
        {"--from", "T", "when it begins"},
        {"--until", "T", "when it ends"},
        {"--emergency", "", "the change cannot wait until five business days' notice are given"},
        {"--after-the-fact", "", "and not even until the notice can go"},
        text},
       stop_change},
      {"stop extend",
       "ID --until T [-m TEXT]",
       lead,
       "lets a planned stop last longer",
       "The same as `yagura stop change ID --until T`. A regular stop, named by its name, can be extended while it is under "
       "way: it goes on from its end as an emergency stop of its own, of which the banks are told; -m says why.",
       "  yagura stop extend 3 --until 2027-02-14T07:00:00+09:00\n"
       "  yagura stop extend weekly --until 2027-02-16T02:00+09:00 -m '作業の延長'\n",
       {{"ID", "ID", "its number, or the name of a regular one", Need::required},
        {"--until", "T", "when it ends", Need::required},
        {"--emergency", "", "of one to come: later than five business days before"},
        text},
       stop_change},
      {"stop end",
       "ID",
       lead,
       "ends a stop before its time",
       "Ends a stop that is under way: its services are watched and judged again from now on.",
       "  yagura stop end 3\n",
       {stop_id},
       stop_end},
      {"stop cancel",
       "ID [--on DATE] [-m TEXT]",
       lead,
       "cancels a stop, or one date of a regular one",
       "Cancels a planned stop that has not begun; banks that were told of it hear so. Of a regular "
       "stop, named by its name, one date is cancelled: on it the services are watched as ever, and "
       "the banks concerned hear so.",
       "  yagura stop cancel 3\n  yagura stop cancel weekly --on 2027-02-15\n",
       {{"ID", "ID", "its number, or the name of a regular one", Need::required},
        {"--on", "DATE", "of a regular one: the date"},
        text},
       stop_cancel},
      {"reload",
       "",
       "system-lead, root",
       "the daemon reads its configuration again",
       "The daemon reads its configuration again. One with errors is refused, with all of them on "
       "standard error and exit status 2, and the old one stays in force.",
       "  yagura config check && yagura reload\n",
       {},
       reload},
      {"backup",
       "FILE",
       "system-lead, root",
       "a copy of the record, while the daemon runs",
       "Writes the whole record, of one moment, to the new file FILE (mode 0600), and reads it "
       "through again: every page, and the chain from its first row. FILE is there under its name "
       "only when it is whole; a file that is there is never overwritten. The last row's number "
       "and chain are printed: kept elsewhere, they show later whether the record was changed. "
       "Mails that are not out yet and all texts are in it: keep it as you keep the record.",
       "  yagura backup /backup/yagura-$(date +%F).db\n",
       {{"FILE", "FILE", "the file to make", Need::required}},
       backup},
      {"record archive",
       "--until MONTH --to FOLDER",
       "system-lead, auditor, root",
       "takes old months out of the record",
       "Writes each whole month up to MONTH into a file of its own in FOLDER, reads it through again, "
       "and only then takes its rows out of the record, month by month. What is not at its end stays, "
       "and so does the last state of everything. A row says who signed it off, with the file's "
       "SHA-256 and the chain's end, so that the record still verifies. Refused for months younger "
       "than `retention.record`.",
       "  yagura record archive --until 2026-01 --to /archive/yagura\n"
       "  yagura record --verify /archive/yagura/record-2026-01-from-1.jsonl\n",
       {{"--until", "MONTH", "the last month to go, 2026-01", Need::required},
        {"--to", "FOLDER", "where the archives are made", Need::required}},
       record_archive},
      {"record erase",
       "--bank BANK [--yes]",
       lead,
       "erases what names people of a bank that left",
       "Erases the names and addresses of the bank's contacts, the mails to them and the texts written "
       "for the bank from the record, and prints the record of the erasure. Numbers, times, kinds and "
       "states stay, and the chain still verifies. The bank has to be out of the configuration, and "
       "nothing may be on its way to it. Backups, exports and archives made before still hold it all. "
       "You are asked for the bank's name, unless you say --yes.",
       "  yagura record erase --bank aozora\n",
       {{"--bank", "BANK", "the bank, as it stood in the configuration", Need::required},
        {"--yes", "", "without being asked"}},
       record_erase}};
}

std::vector<CommandRow> by_itself() {
  return {
      {"job run",
       "COMPONENT[/PROBE] -- PROGRAM [ARGUMENT]...",
       "any user of the machine",
       "runs a job's program, and reports how it went",
       "Runs the program and reports its start, its end, its exit status and the last 10,000 bytes "
       "of its output as a run of the component's job. Signals are passed on, the output goes "
       "where it would have gone, and the exit status is the program's (128 and the signal's "
       "number "
       "where one ended it, 127 where it cannot be started). Where the daemon is away the program "
       "runs all the same, and its end is kept in ~/.local/state/yagura/jobs, to be reported after "
       "your next run; standard error says so. Output that comes more than 5 seconds after "
       "the program's end is not waited for.",
       "  0 2 * * *  yagura job run settlement -- /usr/local/bin/settle --all\n",
       {{"COMPONENT", "COMPONENT[/PROBE]", "whose job it is; /PROBE where it has several",
         Need::required}},
       job_run,
       true},
      {"job deliver",
       "",
       "any user of the machine",
       "reports what `job run` has kept",
       "Reports the runs that `yagura job run` kept for you while the daemon was away, with their "
       "own times, oldest first. Each later `job run` of yours does so, too, 20 at a time. Of runs "
       "that ended more than 7 days ago the daemon hears no more. Exit status 3 where some are "
       "still kept, 1 where the daemon refused some, which are gone then.",
       "  yagura job deliver\n",
       {},
       job_deliver},
      {"config check",
       "[FILE]",
       "",
       "checks a configuration",
       "Reads a configuration and the mail templates that it names, and prints every error and "
       "warning, each with file, line and column. Exit status 2 where there is an error. Default: "
       "the file of --config, else /etc/yagura/yagura.yaml.",
       "  yagura config check\n  yagura config check new.yaml && echo good\n",
       {{"FILE", "FILE", "the configuration"}},
       config_check},
      {"calendar",
       "[--from D] [--until D] | --window NAME --at T | --business-days-before D -n N",
       "",
       "business days, windows, periods of notice",
       "Without --config by Japan's holidays, closed from 12-29 to 01-03, with the windows "
       "bank_mail "
       "and response_hours at 10:00-17:00 on business days; with it as that configuration says. "
       "Days are shown from today, for a month, unless said otherwise; both ends are included.",
       "  yagura calendar --from 2026-12-28 --until 2027-01-05\n"
       "  yagura calendar --window bank_mail --at 2026-12-28T18:00:00+09:00\n"
       "  yagura calendar --business-days-before 2027-01-12 -n 5\n",
       {{"--from", "D", "the first day, 2026-12-28"},
        {"--until", "D", "the last day"},
        {"--window", "NAME", "is it open, and when does it open?"},
        {"--at", "T", "from when on that is asked; default: now"},
        {"--business-days-before", "D", "which day lies -n business days before"},
        {"-n", "N", "0: the day itself"}},
       calendar},
      {"rehearse",
       "--config FILE STORY [--seed N]",
       "",
       "plays a written story through the rules",
       "Plays a story (docs/rehearsal.md) in virtual time through the daemon's own rules, and "
       "prints what would happen: who would be mailed what, when, and why. Nothing is sent. The "
       "same story gives the same bytes. With --json a JSON object a line.",
       "  yagura rehearse --config yagura.yaml friday-evening.yaml\n",
       {{"STORY", "STORY", "the story's file", Need::required},
        {"--seed", "N", "shifts when each probe runs"}},
       rehearse_story},
      {"restore",
       "(FILE | --new-record) [--broken-chain]",
       "who may write where the record is: root, or the daemon's user",
       "puts a backup in the record's place",
       "With the daemon stopped: puts the backup FILE in the place of the record of the "
       "configuration's `state`, or with --new-record an empty one. The backup is read through "
       "first; the record that is there is set aside beside it, never deleted, and can be restored "
       "in the same way. What happened after the backup is not known any more; notices that were "
       "still to go when it was made are listed, and those that went out since go again, as the "
       "same mail. Refused while a daemon runs on that state.",
       "  systemctl stop yagurad\n  yagura restore /backup/yagura-2027-01-04.db\n"
       "  systemctl start yagurad\n",
       {{"FILE", "FILE", "the backup, or a record that was set aside"},
        {"--new-record", "", "begins anew: open failures and held notices are forgotten"},
        {"--broken-chain", "", "takes a backup whose chain does not hold, as it is"}},
       restore}};
}

}  // namespace

const std::vector<CommandRow>& command_table() {
  static const std::vector<CommandRow> all = [] {
    std::vector<CommandRow> rows = looking();
    for (auto part : {acting(), of_inquiries(), by_itself()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return all;
}

}  // namespace yagura::cli
