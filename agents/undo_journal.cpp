#include "agents/undo_journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "agents/containers.hpp"
#include "agents/host/control_group.hpp"
#include "agents/host/workspace.hpp"
#include "agents/limits.hpp"
#include "agents/paused.hpp"
#include "agents/shaping_record.hpp"
#include "agents/units.hpp"
#include "common/clock.hpp"
#include "common/ids.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

constexpr off_t preallocated_bytes = 64 * 1024;
constexpr std::size_t journal_bytes_max = 4 * 1024 * 1024;
constexpr const char* roots_folder = "/run/troop";
constexpr std::string_view suffix = ".journal";

struct Content {
  std::map<std::int64_t, UndoRecord> open;
  std::optional<ProcessIdentity> agent;
};

std::int64_t integer(const json::object& state, std::string_view name) {
  const json::value* field = state.if_contains(name);
  return field != nullptr && field->is_int64() ? field->get_int64() : 0;
}

std::string text(const json::object& state, std::string_view name) {
  const json::value* field = state.if_contains(name);
  return field != nullptr && field->is_string() ? std::string{field->get_string()} : std::string{};
}

json::object to_json(const ProcessIdentity& process) {
  return {{"pid", process.pid}, {"start_time", static_cast<std::int64_t>(process.start_time)}, {"boot_id", boot_id()}};
}

/// Nothing where it was written in another boot, or never was a process that may be ended.
std::optional<ProcessIdentity> identity_from(const json::object& state) {
  const ProcessIdentity process{static_cast<pid_t>(integer(state, "pid")),
                                static_cast<std::uint64_t>(integer(state, "start_time"))};
  if (process.pid <= 1 || text(state, "boot_id") != boot_id()) return std::nullopt;
  return process;
}

/// What a journal file still owes. A torn last line was never acted upon: the change comes after the fsync.
Content read_content(const fs::path& path) {
  Content content;
  auto& open = content.open;
  std::ifstream file{path, std::ios::binary};
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '\0') break;  // the preallocated rest
    json::error_code failure;
    const json::value value = json::parse(line, failure);
    const json::object* record = failure ? nullptr : value.if_object();
    if (record == nullptr) continue;
    if (const json::value* agent = record->if_contains("agent"); agent != nullptr && agent->is_object()) {
      content.agent = identity_from(agent->get_object());
      continue;
    }
    if (const json::value* done = record->if_contains("done"); done != nullptr && done->is_int64()) {
      open.erase(done->get_int64());
      continue;
    }
    const json::value* number = record->if_contains("n");
    const json::value* kind = record->if_contains("kind");
    const json::value* state = record->if_contains("state");
    if (number == nullptr || !number->is_int64() || kind == nullptr || !kind->is_string() || state == nullptr ||
        !state->is_object()) {
      continue;
    }
    open[number->get_int64()] =
        UndoRecord{std::string{kind->get_string()}, state->get_object(), integer(*record, "at")};
  }
  return content;
}

/// Adds that this is paid, so that nobody pays it again should the rest of the journal stay: what was there to pay it
/// with may be gone by then. The last line may be torn. Errors: lost.
Result<void> note_paid(const UniqueFd& journal, const fs::path& path, std::int64_t number) {
  std::string text;
  std::getline(std::ifstream{path, std::ios::binary}, text, '\0');  // up to the preallocated rest
  const auto end = static_cast<off_t>(text.size());
  const bool torn = !text.empty() && text.back() != '\n';
  const std::string line = (torn ? "\n" : "") + json::serialize(json::object{{"done", number}}) + '\n';
  const auto written = pwrite(journal.get(), line.data(), line.size(), end);
  if (written != static_cast<ssize_t>(line.size()) || fdatasync(journal.get()) != 0)
    return system_error(ErrorKind::lost, path.string(), errno);
  return success();
}

/// No folder: nobody owes anything.
bool is_trouble(const std::error_code& failure) { return failure && failure != std::errc::no_such_file_or_directory; }

Error unreadable(const fs::path& folder, const std::error_code& failure) {
  return usage_error(folder.string() + ": " + failure.message() + "; what is owed is not known");
}

Error too_large(const fs::path& path) {
  return usage_error(path.string() + ": too large for a journal; look at it, then remove it");
}

enum class Hold { ours, of_living, of_payer };

/// Locks the journal of a dead agent, until `deadline` waiting for somebody who is paying for it.
Hold lock_dead(const UniqueFd& fd, const fs::path& path, std::int64_t deadline) {
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const auto agent = read_content(path).agent;
    if (!agent || lives(*agent)) return Hold::of_living;
    if (monotonic_ns() > deadline) return Hold::of_payer;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return Hold::ours;
}

/// Of this user, opened without following a link; nothing for what is no journal.
UniqueFd open_journal(const fs::path& path, struct stat& status) {
  if (!path.filename().string().starts_with("agent-") || path.extension() != suffix) return {};
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd || fstat(fd.get(), &status) != 0 || status.st_uid != geteuid()) return {};
  return fd;
}

constexpr const char* control_group_kind = "control-group";

Result<void> pay(const UndoRecord& record, const Payer& others) {
  // Every fault of a managed part is undone by ending the part, which has a record of its own; one on a host's network
  // ended with the agent.
  if (record.kind == "fault") return success();
  if (record.kind == shaping_kind) return unshape_anywhere(noted_shaping(record.state));
  if (record.kind == "workspace") return remove_abandoned_workspace(text(record.state, "path"));
  if (record.kind == control_group_kind) return remove_control_group(text(record.state, "path"));
  if (record.kind == "process") {
    const auto process = identity_from(record.state);
    return process ? end_stranger(*process, std::chrono::milliseconds{500}) : success();
  }
  if (record.kind == paused_kind) {
    BOOST_OUTCOME_TRY(resume(record.state));
    return success();
  }
  if (record.kind == container_kind) {
    BOOST_OUTCOME_TRY(start_again(record.state));
    return success();
  }
  if (record.kind == unit_kind) {
    BOOST_OUTCOME_TRY(start_unit_again_now(record.state));
    return success();
  }
  if (record.kind == limits_kind) {
    BOOST_OUTCOME_TRY(restore_limits(record.state));
    return success();
  }
  if (auto paid = others ? others(record) : std::nullopt) return std::move(*paid);
  return Error{ErrorKind::unrestored, "an undo record of unknown kind '" + record.kind + "', from a newer version?"};
}

}  // namespace

Result<void> make_private_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return usage_error(folder.string() + ": " + failure.message() + " (set TROOP_STATE_DIR)");
  struct stat status {};
  if (lstat(folder.c_str(), &status) != 0) return system_error(ErrorKind::usage, folder.string(), errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
    return usage_error(folder.string() + " is not a folder of this user (set TROOP_STATE_DIR)");
  }
  // Root's folder is where everybody looks for a veto; the journals in it are root's own.
  const mode_t mode = folder == roots_folder ? 0711 : 0700;
  if (chmod(folder.c_str(), mode) != 0) return system_error(ErrorKind::usage, folder.string(), errno);
  return success();
}

fs::path state_folder() {
  if (const char* chosen = std::getenv("TROOP_STATE_DIR"); chosen != nullptr && *chosen != '\0') return chosen;
  if (geteuid() == 0) return roots_folder;
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime != '\0') {
    return fs::path{runtime} / "troop";
  }
  std::error_code ignored;
  return fs::temp_directory_path(ignored) / ("troop-" + std::to_string(geteuid()));
}

UndoRecord process_record(const std::string& part, const ProcessIdentity& process) {
  json::object state{{"part", part}};
  for (const auto& field : to_json(process)) state[field.key()] = field.value();
  return {"process", std::move(state)};
}

UndoRecord control_group_record(const std::string& folder) { return {control_group_kind, {{"path", folder}}}; }

UndoRecord workspace_record(const fs::path& path) { return {"workspace", {{"path", path.string()}}}; }

Result<UndoJournal> UndoJournal::create(const fs::path& folder) {
  auto journal = create_in(folder);
  // The last agent to end removes the folder: it may have gone between two of our steps.
  for (int attempt = 0; attempt < 5 && journal.has_error() && !fs::exists(folder); ++attempt)
    journal = create_in(folder);
  return journal;
}

Result<UndoJournal> UndoJournal::create_in(const fs::path& folder) {
  BOOST_OUTCOME_TRY(make_private_folder(folder));
  UndoJournal journal;
  journal.path_ = folder / ("agent-" + std::to_string(getpid()) + "-" + random_hex(4) + std::string{suffix});
  // Locked before it has a name: a cleaner must never see it unlocked and take it for a dead agent's, and an agent that
  // dies right here leaves nothing.
  journal.fd_.reset(::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!journal.fd_) return system_error(ErrorKind::usage, folder.string(), errno);
  const std::string nameless = "/proc/self/fd/" + std::to_string(journal.fd_.get());
  int failure = posix_fallocate(journal.fd_.get(), 0, preallocated_bytes);
  if (failure == 0 && flock(journal.fd_.get(), LOCK_EX | LOCK_NB) != 0) failure = errno;
  if (failure == 0 && linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, journal.path_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    failure = errno;
  }
  if (failure != 0) return system_error(ErrorKind::usage, journal.path_.string(), failure);
  const UniqueFd directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fsync(journal.fd_.get()) != 0 || !directory || fsync(directory.get()) != 0) {
    return system_error(ErrorKind::usage, journal.path_.string(), errno);
  }
  return journal;
}

Result<void> UndoJournal::write(const json::object& line) {
  const std::string text = json::serialize(line) + '\n';
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count =
        pwrite(fd_.get(), text.data() + written, text.size() - written, offset_ + static_cast<off_t>(written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return system_error(ErrorKind::lost, path_.string(), errno);
    written += static_cast<std::size_t>(count);
  }
  if (fdatasync(fd_.get()) != 0) return system_error(ErrorKind::lost, path_.string(), errno);
  offset_ += static_cast<off_t>(text.size());
  return success();
}

Result<void> UndoJournal::sign() {
  const auto self = identify(getpid());
  if (!self) return Error{ErrorKind::usage, "/proc does not tell who this process is"};
  return write({{"agent", to_json(*self)}});
}

Result<std::int64_t> UndoJournal::append(const UndoRecord& record) {
  const std::int64_t number = next_++;
  const std::int64_t at = wall_ns();
  BOOST_OUTCOME_TRY(write({{"n", number}, {"kind", record.kind}, {"state", record.state}, {"at", at}}));
  open_.emplace(number, record).first->second.since_wall_ns = at;
  return number;
}

Result<void> UndoJournal::settle(std::int64_t number) {
  if (open_.erase(number) == 0) return success();
  return write({{"done", number}});
}

void UndoJournal::close() {
  if (fd_ && open_.empty()) {
    unlink(path_.c_str());
    rmdir(path_.parent_path().c_str());  // fails while other agents have journals there, as it should
  }
  fd_.reset();
}

Result<std::vector<JournalView>> look_at_journals(const fs::path& folder) {
  std::vector<JournalView> views;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator{folder, failure}) {
    struct stat status {};
    const UniqueFd fd = open_journal(entry.path(), status);
    if (!fd) continue;
    if (status.st_size > static_cast<off_t>(journal_bytes_max)) return too_large(entry.path());
    JournalView view;
    view.path = entry.path();
    view.held = flock(fd.get(), LOCK_SH | LOCK_NB) != 0;
    auto content = read_content(entry.path());
    view.agent = content.agent;
    for (auto debt = content.open.rbegin(); debt != content.open.rend(); ++debt) view.debts.push_back(debt->second);
    views.push_back(std::move(view));
  }
  if (is_trouble(failure)) return unreadable(folder, failure);
  std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return views;
}

CleanUp clean_up_after_the_dead(const fs::path& folder, const Payer& others, Duration patience) {
  CleanUp result;
  std::error_code failure;
  const std::int64_t deadline = monotonic_ns() + patience.count();
  for (const auto& entry : fs::directory_iterator{folder, failure}) {
    const fs::path& path = entry.path();
    struct stat status {};
    const UniqueFd fd = open_journal(path, status);
    if (!fd) continue;
    const Hold hold = lock_dead(fd, path, deadline);
    if (hold == Hold::of_living) continue;
    if (hold == Hold::of_payer) {
      result.problems.push_back(path.string() + ": somebody holds it, is still putting back what a dead agent left");
      continue;
    }
    if (fstat(fd.get(), &status) != 0 || status.st_nlink == 0) continue;  // somebody else has paid meanwhile
    ++result.journals;
    if (status.st_size > static_cast<off_t>(journal_bytes_max)) {
      result.problems.push_back(too_large(path).context);
      continue;
    }
    const auto debts = read_content(path).open;
    bool paid = true;
    std::set<std::string> unpaid_runs;
    for (auto debt = debts.rbegin(); debt != debts.rend(); ++debt) {
      // What one run made on a broker is undone in turn: a queue is bound again before its vhost is cleared, or never.
      const std::string run = text(debt->second.state, "mark");
      if (!run.empty() && unpaid_runs.contains(run)) continue;
      if (auto done = pay(debt->second, others); done.has_error()) {
        paid = false;
        unpaid_runs.insert(run);
        result.problems.push_back(path.filename().string() + ": " + done.error().context);
      } else {
        ++result.undone;
        // All else is safe to pay again. Where the disk does not take this, it is tried.
        if (!run.empty()) (void)note_paid(fd, path, debt->first);
      }
    }
    if (paid) unlink(path.c_str());
  }
  if (is_trouble(failure)) result.problems.push_back(unreadable(folder, failure).context);
  if (result.journals > 0) rmdir(folder.c_str());  // fails while there are others, as it should
  return result;
}

}  // namespace troop::agents
