// SPDX-License-Identifier: Apache-2.0
// Logs on real file systems and to real sockets.
#include <sys/mount.h>

#include "tests/integration/monitor/monitor_fixture.h"

using namespace ballast;
using namespace ballast::monitor;
using namespace ballast::monitor_tests;

namespace {

class FullDiskFixture : public MonitorFixture {
  public:
    FullDiskFixture() {
        must(make_directories(small()));
        if (mount("tmpfs", small().c_str(), "tmpfs", 0, "size=256k") != 0) {
            SKIP("no tmpfs can be mounted here");
        }
        mounted_ = true;
        settings.log.path = small() / "log";
    }
    ~FullDiskFixture() {
        if (mounted_) {
            (void)umount2(small().c_str(), MNT_DETACH);
        }
    }
    std::filesystem::path small() const { return directory() / "small"; }

  private:
    bool mounted_ = false;
};

} // namespace

TEST_CASE_METHOD(FullDiskFixture, "on a full disk the container goes on, and the log is whole again with the space",
                 "[root]") {
    settings.open_input = settings.input_once = true;
    configure({"copy"});
    run();
    must(write_file(small() / "ballast", std::string(100'000, 'b')));
    const Fd client = attach();
    const std::string line(999, 'x');
    for (int i = 0; i < 300; ++i) {
        must(write_all(client, line + "\n"));
        read_until(client, "\n");
    }
    CHECK(event(Event::Kind::kWarning).text.contains("No space left on device"));
    const std::uint64_t lost = state().lost_log_bytes;
    CHECK(lost > 100'000);
    REQUIRE(std::filesystem::remove(small() / "ballast"));
    must(write_all(client, "space again\n"));
    read_until(client, "space again\n");
    CHECK(event(Event::Kind::kWarning).text.contains(std::to_string(lost) + " bytes"));
    must(control->call<Done>(CloseStdin{}, kPatience));
    const Event end = ended();
    CHECK(end.end.status == 0);
    CHECK_FALSE(end.end.output_complete);
    CHECK(record().lost_log_bytes == lost);
    const std::string log = logged();
    CHECK(log.starts_with(line + "\n"));
    CHECK(log.ends_with(line + "\nspace again\nend\n"));
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "the container's output ends up in each kind of file", "[root]") {
    for (const char *driver : {"json-file", "local", "cri"}) {
        DYNAMIC_SECTION(driver) {
            settings.log.driver = driver;
            configure({"both"});
            run();
            ended();
            const std::string log = logged();
            CHECK(log.contains("to stdout\n"));
            CHECK(log.contains("to stderr\n"));
            CHECK(monitor_ended() == 0);
        }
    }
}

TEST_CASE_METHOD(MonitorFixture, "a log that somebody renamed goes on under its name", "[root]") {
    settings.open_input = settings.input_once = true;
    configure({"copy"});
    run();
    const Fd client = attach();
    must(write_all(client, "before\n"));
    read_until(client, "before\n");
    std::filesystem::rename(log_path(), log_path() + ".moved");
    must(control->call<Done>(ReopenLog{}, kPatience));
    must(control->call<Done>(CloseStdin{}, kPatience));
    ended();
    CHECK(logged() == "end\n");
    CHECK(must(read_file(log_path() + ".moved")).contains("before"));
}
