#include "agents/rabbitmq/erlang_node.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "agents/host/process.hpp"
#include "scenarios/model/value.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

constexpr std::size_t answer_bytes_max = 4 << 20;
constexpr std::size_t reason_bytes_max = 300;
constexpr Duration look_interval = std::chrono::milliseconds{10};

/// Reads node, milliseconds, expression and JSON from its arguments; prints the answer; ends with 0, or 1 and a reason.
constexpr const char* asker = R"(
[Node, Ms, Text, Json] = init:get_plain_arguments(),
Say = fun(Code, Data) -> io:setopts([{encoding, unicode}]), io:put_chars(Data), halt(Code) end,
{ok, Tokens, _} = erl_scan:string(Text),
{ok, Parsed} = erl_parse:parse_exprs(Tokens),
Bound = [{'Json', unicode:characters_to_binary(Json)}],
case rpc:call(list_to_atom(Node), erl_eval, exprs, [Parsed, Bound], list_to_integer(Ms)) of
  {value, Answer, _} -> Say(0, Answer);
  {badrpc, {'EXIT', {Why, _}}} -> Say(1, io_lib:format("~0p", [Why]));
  {badrpc, Why} -> Say(1, io_lib:format("~0p", [Why]))
end.)";

/// Removes the answer's file whatever happens.
struct AnswerFile {
  explicit AnswerFile(fs::path where) : path(std::move(where)) {}
  AnswerFile(const AnswerFile&) = delete;
  AnswerFile& operator=(const AnswerFile&) = delete;
  ~AnswerFile() { unlink(path.c_str()); }
  [[nodiscard]] std::string read() const {
    std::ifstream file{path, std::ios::binary};
    std::string text(answer_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
  }
  fs::path path;
};

std::string next_name() {
  static std::uint64_t number = 0;
  return fmt::format("troop-ask-{}-{}", getpid(), ++number);
}

Result<json::value> parse_answer(const std::string& text) {
  if (text.size() > answer_bytes_max) return Error{ErrorKind::lost, "the broker's answer is too long"};
  json::error_code failure;
  json::value answer = json::parse(text, failure);
  if (failure) return Error{ErrorKind::lost, "the broker's answer is not understood: " + failure.message()};
  return answer;
}

Spawn asking_machine(const ErlangNode& node, const std::string& name, const fs::path& output, Duration timeout,
                     const std::string& body, const json::object& arguments) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  Spawn what;
  what.argv = {find_erl(),
               "+S",
               "1:1",
               "+SDcpu",
               "1:1",
               "+SDio",
               "1",
               "+A",
               "1",
               "+sbwt",
               "none",
               "-noinput",
               "-hidden",
               node.long_name ? "-name" : "-sname",
               name + (node.long_name ? "@127.0.0.1" : "@localhost"),
               "-start_epmd",
               "false",
               "-dist_listen",
               "false",
               "-eval",
               asker,
               "-extra",
               node.name,
               std::to_string(ms),
               "A = rabbit_json:decode(Json), rabbit_json:encode(begin " + body + " end).",
               json::serialize(arguments)};
  what.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                      "HOME=" + node.home.string(),         fmt::format("ERL_EPMD_PORT={}", node.epmd_port),
                      "ERL_EPMD_ADDRESS=127.0.0.1",         "ERL_CRASH_DUMP_SECONDS=0"};
  what.output = output.string();
  what.directory = node.scratch.string();
  what.netns = node.netns;
  return what;
}

}  // namespace

std::string find_erl() {
  for (const char* path : {"/usr/bin/erl", "/usr/lib/erlang/bin/erl", "/usr/local/bin/erl"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return {};
}

asio::awaitable<Result<json::value>> ask_node(const ErlangNode& node, std::string body, json::object arguments,
                                              Duration timeout, const bool& stopping) {
  const std::int64_t deadline = monotonic_ns() + timeout.count();
  const std::string name = next_name();
  const AnswerFile answer{node.scratch / name};
  auto started = Process::spawn(asking_machine(node, name, answer.path, timeout, body, arguments));
  if (started.has_error()) co_return std::move(started).error().within("ask the broker");
  Process process = std::move(started).value();
  while (process.alive()) {
    if (stopping) co_return Error{ErrorKind::cancelled, "asking the broker was ended"};
    if (monotonic_ns() >= deadline) {
      co_return Error{ErrorKind::timeout, "the broker did not answer within " + model::to_text(timeout)};
    }
    co_await pause_for(look_interval);
  }
  const std::string text = answer.read();
  if (process.ended_well()) co_return parse_answer(text);
  const std::string why = text.empty() ? process.ending() : text.substr(0, reason_bytes_max);
  co_return Error{ErrorKind::lost, "the broker could not be asked: " + why};
}

}  // namespace troop::agents
