// The bodies are Erlang over RabbitMQ's own modules, the ones that its management plugin and its command-line tools
// call (seen in 3.10.8). Each ends with a value that JSON can say.
#include "agents/rabbitmq/erlang_control.hpp"

#include "agents/host/tcp.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr Duration ask_max = std::chrono::seconds{25};
constexpr Duration answer_max = std::chrono::milliseconds{500};

/// What the bodies share. `Until` looks every 50 ms, N times.
constexpr std::string_view prelude = R"(
G = fun(Key) -> maps:get(Key, A, null) end,
Name = G(<<"name">>),
By = <<"troop">>,
R = fun(Kind, Called) -> rabbit_misc:r(G(<<"vhost">>), Kind, Called) end,
Until = fun U(Fun, N) -> case Fun() of true -> true; _ when N =< 0 -> false; _ -> timer:sleep(50), U(Fun, N - 1) end end,
Alarm = fun(Which) -> lists:any(fun({{resource_limit, Each, _}, _}) -> Each =:= Which; (_) -> false end,
                                rabbit_alarm:get_alarms()) end,
Limits = fun() ->
  Memory = case vm_memory_monitor:get_vm_memory_high_watermark() of
    {Kind, Value} -> #{Kind => Value};
    Share -> Share
  end,
  #{memory => Memory, disk_free => rabbit_disk_monitor:get_disk_free_limit(),
    memory_alarm => Alarm(memory), disk_alarm => Alarm(disk)} end,
Table = fun(Arguments) -> case rabbit_misc:amqp_table(Arguments) of M when is_map(M) -> M; _ -> #{} end end,
FromTable = fun(M) when is_map(M) -> rabbit_misc:to_amqp_table(M); (_) -> [] end,
Seen = fun({binding, {resource, _, exchange, From}, Key, {resource, _, Kind, To}, Arguments}) ->
  #{source => From, destination => To, destination_type => Kind, routing_key => Key, arguments => Table(Arguments)} end,
Meant = fun(B) ->
  Kind = case maps:get(<<"destination_type">>, B) of <<"queue">> -> queue; <<"exchange">> -> exchange end,
  {binding, R(exchange, maps:get(<<"source">>, B)), maps:get(<<"routing_key">>, B),
   R(Kind, maps:get(<<"destination">>, B)), FromTable(maps:get(<<"arguments">>, B))} end,
Bindings = fun() -> [ok = rabbit_binding:add(Meant(B), By) || B <- G(<<"bindings">>)] end,
ClientOf = fun(Pid) -> try
    [{client_properties, T}] = rabbit_networking:connection_info(Pid, [client_properties]),
    {longstr, Called} = rabbit_misc:table_lookup(T, <<"connection_name">>), Called
  catch _:_ -> <<>> end end,
Client = G(<<"client">>),
Chosen = fun(Pairs) -> [Pair || {_, Called} = Pair <- Pairs, Client =:= <<>> orelse Called =:= Client] end,
Left = fun(Pairs, IsOpen) ->
  Living = fun() -> length([P || {P, _} <- Pairs, is_process_alive(P), IsOpen(P)]) end,
  Until(fun() -> Living() =:= 0 end, 100),
  #{clients => [Called || {_, Called} <- Pairs], left => Living()} end,
)";

constexpr const char* get_limits = "Limits()";

constexpr const char* set_memory = R"(
Limit = case G(<<"limit">>) of
  M when is_map(M) -> [{Kind, Value}] = maps:to_list(M), {binary_to_existing_atom(Kind, utf8), Value};
  Bytes when is_integer(Bytes), Bytes > 1 -> {absolute, Bytes};
  Share -> Share
end,
vm_memory_monitor:set_vm_memory_high_watermark(Limit),
Until(fun() -> Alarm(memory) =:= G(<<"alarm">>) end, 200),
Limits())";

constexpr const char* set_disk = R"(
rabbit_disk_monitor:set_disk_free_limit(G(<<"limit">>)),
Until(fun() -> Alarm(disk) =:= G(<<"alarm">>) end, 200),
Limits())";

// A client that hangs does not answer the close; its connection is closed all the same, and kept for half a minute.
constexpr const char* close_connections_of = R"(
IsOpen = fun(P) -> try [{state, S}] = rabbit_networking:connection_info(P, [state]), not lists:member(S, [closing, closed])
                   catch _:_ -> false end end,
Pairs = Chosen([{P, ClientOf(P)} || P <- rabbit_networking:connections_local()]),
[rabbit_networking:close_connection(P, G(<<"reason">>)) || {P, _} <- Pairs],
Left(Pairs, IsOpen))";

// An acknowledgement of a delivery that never was: the ordinary way in which a channel gets an error.
constexpr const char* close_channels_of = R"(
Owner = fun(P) -> try [{connection, C}] = rabbit_channel:info(P, [connection]), ClientOf(C) catch _:_ -> <<>> end end,
Pairs = Chosen([{P, Owner(P)} || P <- rabbit_channel:list_local()]),
[rabbit_channel:do(P, {'basic.ack', 1 bsl 60, false}) || {P, _} <- Pairs],
Left(Pairs, fun(_) -> true end))";

constexpr const char* look_at_queue = R"(
case rabbit_amqqueue:lookup(R(queue, Name)) of
  {ok, Q} ->
    [{messages_ready, Ready}] = rabbit_amqqueue:info(Q, [messages_ready]),
    Effective = case rabbit_policy:effective_definition(Q) of undefined -> []; D -> D end,
    #{name => Name, durable => amqqueue:is_durable(Q), auto_delete => amqqueue:is_auto_delete(Q),
      exclusive => amqqueue:get_exclusive_owner(Q) =/= none, arguments => Table(amqqueue:get_arguments(Q)),
      bindings => [Seen(B) || {binding, {resource, _, _, From}, _, _, _} = B
                                <- rabbit_binding:list_for_destination(R(queue, Name)), From =/= <<>>],
      messages => Ready, effective_policy => maps:from_list(Effective),
      policy => case rabbit_policy:name(Q) of none -> null; Called -> Called end};
  {error, not_found} -> null
end)";

constexpr const char* remove_queue = R"(
case rabbit_amqqueue:lookup(R(queue, Name)) of
  {ok, Q} -> {ok, Count} = rabbit_amqqueue:delete(Q, false, false, By), Count;
  {error, not_found} -> null
end)";

constexpr const char* empty_queue = R"(
case rabbit_amqqueue:lookup(R(queue, Name)) of
  {ok, Q} -> {ok, Count} = rabbit_amqqueue:purge(Q), Count;
  {error, not_found} -> null
end)";

constexpr const char* make_queue = R"(
case rabbit_amqqueue:lookup(R(queue, Name)) of
  {ok, _} -> ok;
  {error, not_found} ->
    {_, _} = rabbit_amqqueue:declare(R(queue, Name), G(<<"durable">>), G(<<"auto_delete">>),
                                     FromTable(G(<<"arguments">>)), none, By)
end,
Bindings(),
true)";

constexpr const char* look_at_exchange = R"(
case rabbit_exchange:lookup(R(exchange, Name)) of
  {ok, X} ->
    Facts = maps:from_list(rabbit_exchange:info(X, [type, durable, auto_delete, internal])),
    [{arguments, Arguments}] = rabbit_exchange:info(X, [arguments]),
    Held = case maps:get(type, Facts) of
      'x-delayed-message' -> #{messages_delayed => rabbit_delayed_message:messages_delayed(X)};
      _ -> #{}
    end,
    (maps:merge(Facts, Held))#{name => Name, arguments => Table(Arguments),
           bindings => [Seen(B) || B <- rabbit_binding:list_for_source(R(exchange, Name)) ++
                                        rabbit_binding:list_for_destination(R(exchange, Name))]};
  {error, not_found} -> null
end)";

constexpr const char* remove_exchange = R"(
case rabbit_exchange:delete(R(exchange, Name), false, By) of ok -> true; {error, not_found} -> false end)";

constexpr const char* make_exchange = R"(
case rabbit_exchange:lookup(R(exchange, Name)) of
  {ok, _} -> ok;
  {error, not_found} ->
    rabbit_exchange:declare(R(exchange, Name), rabbit_exchange:check_type(G(<<"type">>)), G(<<"durable">>),
                            G(<<"auto_delete">>), G(<<"internal">>), FromTable(G(<<"arguments">>)), By)
end,
Bindings(),
true)";

constexpr const char* add_binding = "ok = rabbit_binding:add(Meant(A), By), true";
constexpr const char* remove_binding = "ok = rabbit_binding:remove(Meant(A), By), true";

constexpr const char* look_at_policy = R"(
case rabbit_policy:lookup(G(<<"vhost">>), Name) of
  not_found -> null;
  P -> F = fun(Key) -> proplists:get_value(Key, P) end,
    #{name => Name, pattern => F(pattern), apply_to => F('apply-to'), priority => F(priority),
      definition => maps:from_list(F(definition))}
end)";

constexpr const char* put_policy = R"(
ok = rabbit_policy:set(G(<<"vhost">>), Name, G(<<"pattern">>), maps:to_list(G(<<"definition">>)), G(<<"priority">>),
                       G(<<"apply_to">>), By),
true)";

constexpr const char* remove_policy = R"(
case rabbit_policy:lookup(G(<<"vhost">>), Name) of
  not_found -> true;
  _ -> ok = rabbit_policy:delete(G(<<"vhost">>), Name, By), true
end)";

constexpr const char* suspend = "ok = rabbit_maintenance:suspend_all_client_listeners(), true";
constexpr const char* resume = "ok = rabbit_maintenance:resume_all_client_listeners(), true";
constexpr const char* stop_rabbit = "rabbit:stop(), not rabbit:is_running()";
constexpr const char* start_rabbit = "rabbit:start(), rabbit:is_running()";

Error not_understood() { return {ErrorKind::lost, "the broker's answer is not understood"}; }

Result<BrokerLimits> to_limits(const json::value& answer) {
  const auto* fields = answer.if_object();
  if (fields == nullptr) return not_understood();
  const auto *memory = fields->if_contains("memory"), *disk = fields->if_contains("disk_free"),
             *memory_alarm = fields->if_contains("memory_alarm"), *disk_alarm = fields->if_contains("disk_alarm");
  if (memory == nullptr || disk == nullptr || !disk->is_int64() || memory_alarm == nullptr ||
      !memory_alarm->is_bool() || disk_alarm == nullptr || !disk_alarm->is_bool()) {
    return not_understood();
  }
  return BrokerLimits{*memory, disk->get_int64(), memory_alarm->get_bool(), disk_alarm->get_bool()};
}

Result<ClosedByBroker> to_closed(const json::value& answer) {
  const auto* fields = answer.if_object();
  const auto* clients = fields == nullptr ? nullptr : fields->if_contains("clients");
  const auto* left = fields == nullptr ? nullptr : fields->if_contains("left");
  if (clients == nullptr || !clients->is_array() || left == nullptr || !left->is_int64()) return not_understood();
  ClosedByBroker closed{{}, left->get_int64()};
  for (const auto& name : clients->get_array()) {
    if (!name.is_string()) return not_understood();
    closed.clients.emplace_back(name.get_string());
  }
  return closed;
}

Result<std::optional<json::object>> to_definition(json::value answer) {
  if (answer.is_null()) return std::optional<json::object>{};
  if (!answer.is_object()) return not_understood();
  return std::optional<json::object>{std::move(answer.get_object())};
}

Result<std::optional<std::int64_t>> to_count(const json::value& answer) {
  if (answer.is_null()) return std::optional<std::int64_t>{};
  if (!answer.is_int64()) return not_understood();
  return std::optional<std::int64_t>{answer.get_int64()};
}

json::object named(const std::string& name) { return {{"name", name}}; }
json::object of_client(const std::string& client) { return {{"client", client}}; }

}  // namespace

BrokerControl::Answer<json::value> ErlangControl::ask(const char* body, json::object arguments) {
  arguments["vhost"] = address_.vhost;
  std::string text{prelude};
  text += body;
  co_return co_await ask_node(node_, std::move(text), std::move(arguments), ask_max, stopping_);
}

BrokerControl::Answer<void> ErlangControl::tell(const char* body, json::object arguments) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(body, std::move(arguments)));
  if (answer != true) co_return Error{ErrorKind::lost, "the broker did not do it: " + json::serialize(answer)};
  co_return success();
}

BrokerControl::Answer<BrokerLimits> ErlangControl::limits() {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(get_limits, json::object{}));
  co_return to_limits(answer);
}

BrokerControl::Answer<BrokerLimits> ErlangControl::set_memory_limit(json::value limit, bool alarm) {
  json::object arguments{{"alarm", alarm}};
  arguments["limit"] = std::move(limit);
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(set_memory, std::move(arguments)));
  co_return to_limits(answer);
}

BrokerControl::Answer<BrokerLimits> ErlangControl::set_disk_limit(std::int64_t bytes, bool alarm) {
  json::object arguments{{"limit", bytes}, {"alarm", alarm}};
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(set_disk, std::move(arguments)));
  co_return to_limits(answer);
}

BrokerControl::Answer<ClosedByBroker> ErlangControl::close_connections(std::string client, std::string reason) {
  json::object arguments = of_client(client);
  arguments["reason"] = reason;
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(close_connections_of, std::move(arguments)));
  co_return to_closed(answer);
}

BrokerControl::Answer<ClosedByBroker> ErlangControl::close_channels(std::string client) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(close_channels_of, of_client(client)));
  co_return to_closed(answer);
}

BrokerControl::Answer<std::optional<json::object>> ErlangControl::queue(std::string name) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(look_at_queue, named(name)));
  co_return to_definition(std::move(answer));
}

BrokerControl::Answer<std::optional<std::int64_t>> ErlangControl::delete_queue(std::string name) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(remove_queue, named(name)));
  co_return to_count(answer);
}

BrokerControl::Answer<std::optional<std::int64_t>> ErlangControl::purge_queue(std::string name) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(empty_queue, named(name)));
  co_return to_count(answer);
}

BrokerControl::Answer<void> ErlangControl::declare_queue(json::object definition) {
  co_return co_await tell(make_queue, std::move(definition));
}

BrokerControl::Answer<std::optional<json::object>> ErlangControl::exchange(std::string name) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(look_at_exchange, named(name)));
  co_return to_definition(std::move(answer));
}

BrokerControl::Answer<bool> ErlangControl::delete_exchange(std::string name) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(remove_exchange, named(name)));
  if (!answer.is_bool()) co_return not_understood();
  co_return answer.get_bool();
}

BrokerControl::Answer<void> ErlangControl::declare_exchange(json::object definition) {
  co_return co_await tell(make_exchange, std::move(definition));
}

BrokerControl::Answer<void> ErlangControl::bind(json::object binding) {
  co_return co_await tell(add_binding, std::move(binding));
}

BrokerControl::Answer<void> ErlangControl::unbind(json::object binding) {
  co_return co_await tell(remove_binding, std::move(binding));
}

BrokerControl::Answer<std::optional<json::object>> ErlangControl::policy(std::string name) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask(look_at_policy, named(name)));
  co_return to_definition(std::move(answer));
}

BrokerControl::Answer<void> ErlangControl::set_policy(json::object definition) {
  co_return co_await tell(put_policy, std::move(definition));
}

BrokerControl::Answer<void> ErlangControl::delete_policy(std::string name) {
  co_return co_await tell(remove_policy, named(name));
}

BrokerControl::Answer<bool> ErlangControl::accepts_clients() {
  const AmqpAnswer answer = co_await ask_amqp(address_, answer_max);
  co_return answer == AmqpAnswer::ready;
}

BrokerControl::Answer<void> ErlangControl::suspend_listeners() { co_return co_await tell(suspend, json::object{}); }
BrokerControl::Answer<void> ErlangControl::resume_listeners() { co_return co_await tell(resume, json::object{}); }
BrokerControl::Answer<void> ErlangControl::stop_application() { co_return co_await tell(stop_rabbit, json::object{}); }
BrokerControl::Answer<void> ErlangControl::start_application() {
  co_return co_await tell(start_rabbit, json::object{});
}

}  // namespace troop::agents
