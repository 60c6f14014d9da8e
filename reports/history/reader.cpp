#include "reports/history/reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/unique_fd.hpp"
#include "reports/history/line.hpp"

namespace troop::history {
namespace {

// Small enough to stay in the second-level cache, large enough to make a system call's cost vanish.
constexpr std::size_t piece_bytes = std::size_t{128} << 10;

}  // namespace

/// The data path: source → buffer (whole lines, plus the beginning of one) → one line at a time → Event.
struct Reader::State {
  explicit State(std::string file_name) : name(std::move(file_name)) {}

  Result<const Event*> next();
  Result<bool> refill();
  Result<std::size_t> read_some(char* to, std::size_t room);
  Result<const Event*> accept(std::string_view line, std::string_view complaint);
  Result<bool> finish_tail();
  Error malformed(std::string_view reason) const {
    return usage_error(fmt::format("{}:{}: {}", name, line_number, reason));
  }

  std::string name;
  UniqueFd file;
  std::string_view text;  ///< What is left of an in-memory history.

  std::vector<char> buffer;
  std::size_t filled = 0;    ///< Bytes in the buffer.
  std::size_t whole = 0;     ///< Of these, bytes of whole lines.
  std::size_t position = 0;  ///< Where the next line begins.
  std::size_t capacity = piece_bytes;
  bool source_ended = false;

  LineParser parser;
  Event event;
  std::int64_t line_number = 1;
  std::int64_t events = 0;
  bool run_started = false;
  bool run_stopped = false;
  bool tail_dropped = false;
  std::vector<std::string> warnings;
};

Result<std::size_t> Reader::State::read_some(char* to, std::size_t room) {
  if (!file) {
    const std::size_t count = std::min(room, text.size());
    std::memcpy(to, text.data(), count);
    text.remove_prefix(count);
    return count;
  }
  while (true) {
    const ssize_t count = ::read(file.get(), to, room);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return system_error(ErrorKind::lost, name + ": read", errno);
  }
}

/// Makes at least one whole line available; false at the end.
Result<bool> Reader::State::refill() {
  if (filled > 0) std::memmove(buffer.data(), buffer.data() + position, filled - position);
  filled -= position;
  position = whole = 0;
  std::size_t searched = 0;
  while (true) {
    if (buffer.size() < capacity + simdjson::SIMDJSON_PADDING) buffer.resize(capacity + simdjson::SIMDJSON_PADDING);
    while (!source_ended && filled < capacity) {
      BOOST_OUTCOME_TRY(const auto count, read_some(buffer.data() + filled, capacity - filled));
      source_ended = count == 0;
      filled += count;
    }
    const void* const newline = memrchr(buffer.data() + searched, '\n', filled - searched);
    if (newline != nullptr) {
      whole = static_cast<std::size_t>(static_cast<const char*>(newline) - buffer.data()) + 1;
      break;
    }
    if (filled > line_bytes_max) return malformed(fmt::format("the line is longer than {} bytes", line_bytes_max));
    if (source_ended) return finish_tail();
    searched = filled;
    capacity = std::min(capacity * 2, line_bytes_max + 2);
  }
  return true;
}

/// What follows the last newline: nothing, the beginning of an event, or something else.
Result<bool> Reader::State::finish_tail() {
  const std::string_view tail{buffer.data(), filled};
  if (tail.empty()) return false;
  const std::size_t brace = tail.find_first_not_of(" \t\r");
  const std::size_t inside = brace == tail.npos ? tail.npos : tail.find_first_not_of(" \t\r", brace + 1);
  const bool begins_like_event =
      brace != tail.npos && tail[brace] == '{' && (inside == tail.npos || tail[inside] == '"');
  if (!begins_like_event) return malformed("the last line is no event, nor the beginning of one");
  warnings.push_back(
      fmt::format("{}:{}: the last line was cut off and is dropped; the history was cut short", name, line_number));
  tail_dropped = true;
  filled = position = 0;
  return false;
}

Result<const Event*> Reader::State::accept(std::string_view line, std::string_view complaint) {
  if (line.size() > line_bytes_max) return malformed(fmt::format("the line is longer than {} bytes", line_bytes_max));
  if (!complaint.empty()) return malformed(complaint);
  if (event.index != events) {
    return malformed(
        fmt::format("'index' is {} where {} is next: the history has a gap or is out of order", event.index, events));
  }
  if (event.f == Subject::run) {
    if (event.phase == "stop")
      run_stopped = true;
    else
      run_started = true, run_stopped = false;
  }
  event.line = line;
  position += line.size() + 1;
  ++events;
  ++line_number;
  return &event;
}

Result<const Event*> Reader::State::next() {
  if (position == whole) {
    BOOST_OUTCOME_TRY(const bool more, refill());
    if (!more) return nullptr;
  }
  const char* const begin = buffer.data() + position;
  event = Event{};
  if (const auto plain = parser.parse_plain(event, begin); plain.end != nullptr) {
    return accept({begin, static_cast<std::size_t>(plain.end - begin)}, plain.complaint);
  }
  const auto* const end = static_cast<const char*>(std::memchr(begin, '\n', whole - position));
  const std::string_view line{begin, static_cast<std::size_t>(end - begin)};
  if (line.find_first_not_of(" \t\r") == line.npos) return malformed("the line is empty");
  event = Event{};
  return accept(line, parser.parse_any(event, line));
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const std::filesystem::path& path) {
  auto state = std::make_unique<State>(path.string());
  state->file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!state->file) {
    if (errno == ENOENT) return usage_error(path.string() + ": no such history");
    return system_error(ErrorKind::usage, path.string(), errno);
  }
  struct stat status {};
  if (::fstat(state->file.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return usage_error(path.string() + ": is a folder; name the history.ndjson in it");
  }
  return Reader{std::move(state)};
}

Reader Reader::over(std::string_view text, std::string name) {
  auto state = std::make_unique<State>(std::move(name));
  state->text = text;
  state->capacity = std::min(piece_bytes, text.size() + 1);
  return Reader{std::move(state)};
}

Result<const Event*> Reader::next() { return state_->next(); }
std::int64_t Reader::events() const { return state_->events; }
bool Reader::complete() const {
  return state_->events > 0 && !state_->tail_dropped && (!state_->run_started || state_->run_stopped);
}
const std::vector<std::string>& Reader::warnings() const { return state_->warnings; }

}  // namespace troop::history
