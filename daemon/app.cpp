// SPDX-License-Identifier: Apache-2.0
#include "daemon/app.h"

#include "core/rfc3339.h"
#include "daemon/accounts.h"
#include "daemon/admissions.h"
#include "daemon/backup_worker.h"
#include "daemon/bus.h"
#include "daemon/dapr_name.h"
#include "daemon/engine.h"
#include "daemon/http/http_server.h"
#include "daemon/lock_file.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/metrics.h"
#include "daemon/outbound/command_runner.h"
#include "daemon/outbound/leftovers.h"
#include "daemon/outbound/worker_pool.h"
#include "daemon/pulse.h"
#include "daemon/request_sockets.h"
#include "daemon/service_manager.h"
#include "daemon/sidecar_watch.h"
#include "daemon/store/backup.h"
#include "daemon/store/maintenance.h"
#include "daemon/store/migrate.h"
#include "daemon/store_checker.h"
#include "daemon/system_clock.h"
#include "ipc/endpoint.h"
#include "ipc/system_random.h"
#include "version.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;
using core::Result;

constexpr rlim_t descriptors_wanted = 65'536;
constexpr std::size_t sockets_spare = 512;  // workers, HTTP's bridge and its threads

/// libzmq ends the process when accept has no descriptor left, so as many as allowed are asked for.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, descriptors_wanted));
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// The signals that end or nudge the daemon, as a descriptor. Blocked before any thread starts, so
/// that every thread inherits the mask.
UniqueFd take_signals() {
    sigset_t set{};
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // A reader that went away is an error of a write, not the end of the daemon.
    (void)signal(SIGPIPE, SIG_IGN);
    return UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

Result<void> make_directory(const std::string& path, const std::string& key) {
    std::error_code error;
    std::error_code ignored;
    std::filesystem::create_directories(path, error);
    if (std::filesystem::is_directory(path, ignored)) return {};
    return tl::unexpected(
        Error{Reason::unavailable, key + ": can't make " + path + ": " + error.message(), key, {}});
}

bool ended_uncleanly(const std::string& store) {
    std::error_code error;
    const auto size = std::filesystem::file_size(store + "-wal", error);
    return !error && size > 0;
}

/// What SQLite says, with the file that it says it of.
Error about_store(const std::string& path, const StoreFailure& failure) {
    Error error = failure.error();
    error.message = "store.path: " + path + ": " + error.message;
    error.field = "store.path";
    return error;
}

/// A lock that can't even be opened is a matter of the key that its place comes from.
Result<LockFile> take_lock(const std::string& path, const std::string& key) {
    auto lock = LockFile::take(path);
    if (lock || !lock.error().field.empty()) return lock;
    Error error = lock.error();
    error.message = key + ": " + error.message;
    error.field = key;
    return tl::unexpected(error);
}

Result<void> make_store_directory(const std::string& store) {
    if (store.empty() || store.front() != '/')
        return core::invalid_argument("store.path", "\"" + store + "\" is not an absolute path");
    return make_directory(std::filesystem::path(store).parent_path(), "store.path");
}

/// The store, opened and brought to the newest schema; the message of anything SQLite says.
Result<std::unique_ptr<Database>> open_store(const std::string& path, core::Random& random) {
    try {
        auto database = std::make_unique<Database>(path);
        if (auto migrated = migrate(*database, random); !migrated)
            return tl::unexpected(migrated.error());
        return database;
    } catch (const StoreFailure& failure) {
        return tl::unexpected(about_store(path, failure));
    }
}

/// Locks, store and sockets may only be where nobody else can put something in their place.
Result<void> make_directories(const Config& config, const ipc::Endpoint& endpoint, bool is_system) {
    if (auto made = make_store_directory(config.text("store.path")); !made) return made;
    if (auto made = make_directory(endpoint.directory(), "endpoint"); !made) return made;
    if (auto owned = endpoint.check_owner(); !owned) return owned;
    // Users must get through it to their own directories.
    if (is_system && chmod(endpoint.directory().c_str(), 0755) != 0)
        return tl::unexpected(Error{
            Reason::unavailable,
            "endpoint: " + endpoint.directory() + ": " + std::generic_category().message(errno),
            "endpoint",
            {}});
    return {};
}

/// SIGHUP: what may change does, and what needs a restart is said so.
void adopt(const Log& log, Config& config, const Config& fresh, Engine& engine) {
    const auto changes = config.adopt(fresh);
    for (const auto& change : changes)
        log->info("reload key={} from={} to={} {}", change.key, field(change.from),
                  field(change.to), change.applied ? "applied" : "needs_restart");
    if (changes.empty()) log->info("reload nothing has changed");
    log->set_level(spdlog::level::from_str(config.text("log.level")));
    engine.reconfigure(config.settings(), config.values());
}

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    return name.data();
}

/// Where commands of tasks become units; nowhere if systemd did not start this process.
std::optional<UnitPlace> unit_place(const Config& config, bool is_system) {
    if (config.text("commands.units") == "off" || !is_unit_of_systemd()) return {};
    UnitPlace place;
    place.is_system = is_system;
    return place;
}

/// Ends what a daemon that was killed left of its commands.
void end_commands(const std::vector<std::string>& runs, const std::optional<UnitPlace>& place) {
    std::vector<std::string> units;
    std::transform(runs.begin(), runs.end(), std::back_inserter(units), unit_of_run);
    if (place) stop_units(*place, units);
    end_leftovers(runs);
}

/// Builds everything on this configuration, and runs the loop.
Result<int> serve(Config& config, UniqueFd signals, const LoadConfig& load, const Home& home,
                  const std::function<void()>& ready) {
    const std::string& store = config.text("store.path");
    const auto endpoint = ipc::Endpoint::make(config.text("endpoint"));
    if (!endpoint) return tl::unexpected(endpoint.error());
    const auto passed = take_passed_sockets(*endpoint);
    if (!passed) return tl::unexpected(passed.error());
    if (auto made = make_directories(config, *endpoint, home.is_system); !made)
        return tl::unexpected(made.error());

    // Both locks before anything is opened or bound: two writers would corrupt the store, and a
    // second bind would take over the first one's socket without a word.
    const auto store_lock = take_lock(store + ".lock", "store.path");
    if (!store_lock) return tl::unexpected(store_lock.error());
    const auto socket_lock = take_lock(endpoint->directory() + "/lock", "endpoint");
    if (!socket_lock) return tl::unexpected(socket_lock.error());
    const auto log = make_log(config.text("log.level"), config.text("log.file"));
    if (!log) return tl::unexpected(log.error());

    const bool unclean = ended_uncleanly(store);
    ipc::SystemRandom random;
    auto database = open_store(store, random);
    if (!database) return tl::unexpected(database.error());

    const SystemClock clock;
    Pulse pulse;
    Metrics metrics(store);
    std::vector<std::string> http_names;  // known when HTTP listens
    const auto roles = read_roles(config);
    if (!roles) return tl::unexpected(roles.error());
    auto outside = read_outside(config, ipc::dapr::process_environment);
    if (!outside) return tl::unexpected(outside.error());
    Settings settings = config.settings();
    if (settings.has_desktop) outside->screen_file = home.sockets + "/desktop.json";
    settings.roles = *roles;
    settings.node = config.text("service.name");
    if (settings.node.empty()) settings.node = host_name();
    const core::UserId owner{home.user};
    Engine engine(**database, random, settings,
                  {getpid(), store, core::format_utc(clock.now()), config.values(),
                   [&] { return pulse.sidecar(); }, [&] { return pulse.store_error(); },
                   [&] {
                       return ipc::Stats{http_names, metrics.samples()};
                   }});
    const auto units = unit_place(config, home.is_system);
    // What is tried again must not meet what was left of it.
    end_commands(Maintenance(**database).running_commands(), units);
    engine.start(clock.now());

    const auto users_max = static_cast<std::size_t>(config.integer("admission.users_max"));
    zmq::context_t context;
    context.set(zmq::ctxopt::max_sockets, static_cast<int>(2 * users_max + sockets_spare));
    RequestSockets sockets(context);
    Bus bus(settings.bus_heartbeat);
    Admissions admissions(sockets, bus, engine, *log);
    const auto accounts_of = [&](const Config& wanted) {
        return admitted_accounts(wanted.text("admission.group"), users_max);
    };
    if (home.is_system) {
        const auto accounts = accounts_of(config);
        if (!accounts) return tl::unexpected(accounts.error());
        if (auto admitted = admissions.admit(*accounts, endpoint->directory()); !admitted)
            return tl::unexpected(admitted.error());
    } else {
        Caller caller{owner, true};
        caller.events_endpoint = endpoint->events();
        admissions.admit_owner({*endpoint, geteuid(), std::move(caller), *passed});
    }
    WorkerPool workers(context, static_cast<std::size_t>(config.integer("outbound.workers")),
                       static_cast<std::size_t>(config.integer("exec.concurrency")), *outside);
    CommandRunner commands(units, [&](const std::string& why) {
        (*log)->warn("command_without_unit because={}", field(why));
    });
    BackupWorker backups(store);
    ServiceManager service;
    Loop loop(engine, sockets, bus, workers, commands, backups, clock, service, std::move(signals),
              *log);
    const auto reload = [&]() -> Result<void> {
        // All of it is read before any of it is taken over.
        const auto fresh = load();
        if (!fresh) return tl::unexpected(fresh.error());
        const auto accounts = home.is_system ? accounts_of(*fresh) : Result<std::vector<Account>>{};
        if (!accounts) return tl::unexpected(accounts.error());
        adopt(*log, config, *fresh, engine);
        if (!home.is_system) return {};
        return admissions.admit(*accounts, endpoint->directory());
    };
    loop.on_reload([&] {
        core::TimeZone::reload();
        try {
            engine.renew_instants(clock.now());
        } catch (const StoreFailure& failure) {  // it is said again when the store takes changes
            (*log)->error("zones_not_renewed because={}", field(failure.what()));
        }
        if (auto reloaded = reload(); !reloaded)
            (*log)->error("reload_refused because={}", field(reloaded.error().message));
        return admissions.dismissed();
    });
    HttpServer::Parts parts{
        context, clock, pulse, metrics, engine.tokens(clock.now()), owner, [&](uid_t uid) {
            return admissions.caller_of(uid);
        }};
    if (home.is_system)
        parts.admits = [&](const core::UserId& user) { return admissions.admits(user); };
    parts.for_everyone = home.is_system;
    auto http = HttpServer::start(config, std::move(parts));
    if (!http) return tl::unexpected(http.error());
    if (*http) http_names = (*http)->names();
    loop.attach({pulse, metrics, http->get()});

    std::optional<SidecarWatch> sidecar;
    const auto topics = listed(config.text("dapr.topics"));
    if (roles->needs_sidecar() || !topics.empty())
        sidecar.emplace(outside->sidecar, roles->pubsub, topics, roles->needs_sidecar(), pulse,
                        *log);
    std::optional<StoreChecker> checker;
    if (unclean) checker.emplace(store, *log);
    for (const auto& name : http_names) (*log)->info("http listen={}", field(name));
    (*log)->info("ready version={} pid={} user={} store={} endpoint={} users={}", TASKD_VERSION,
                 getpid(), field(home.user), field(store), field(endpoint->directory()),
                 sockets.users().size());
    service.ready("serving " + endpoint->directory());
    ready();
    const bool good = loop.run();
    service.stopping();
    sidecar.reset();
    if (*http) (*http)->stop();
    checker.reset();
    (*log)->info("stopped refused={} dropped={}", sockets.refused(), sockets.dropped());
    return good ? 0 : 1;
}

}  // namespace

Result<int> serve(const LoadConfig& load, const Home& home, const std::function<void()>& ready) {
    umask(077);
    UniqueFd signals = take_signals();
    raise_descriptor_limit();

    auto config = load();
    if (!config) return tl::unexpected(config.error());
    try {
        return serve(*config, std::move(signals), load, home, ready);
    } catch (const StoreFailure& failure) {  // a store that opens may still not be written or read
        return tl::unexpected(about_store(config->text("store.path"), failure));
    }
}

Result<std::string> restore(const Config& config, const std::string& backup) {
    umask(077);
    const std::string& store = config.text("store.path");
    if (auto made = make_store_directory(store); !made) return tl::unexpected(made.error());
    const auto lock = take_lock(store + ".lock", "store.path");
    if (!lock) return tl::unexpected(lock.error());
    return restore_store(backup, store);
}

}  // namespace taskd::daemon
