// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/create_body.h"

#include <catch2/generators/catch_generators.hpp>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::api;

namespace {

Result<engine::CreateRequest> read(std::string_view text) {
    JsonDocument document = TRY(JsonDocument::parse(text, "invalid JSON"));
    engine::CreateRequest request = read_create_request(JsonCursor(document));
    TRY(document.status());
    return request;
}

} // namespace

TEST_CASE("what docker run sends is read", "[api]") {
    // Of `docker run -i --rm --memory 100m -v /a:/b:ro --network none busybox cat`, client 26.1.
    const engine::CreateRequest request = must(read(R"({
        "Hostname":"","Domainname":"","User":"","AttachStdin":true,"AttachStdout":true,"AttachStderr":true,
        "Tty":false,"OpenStdin":true,"StdinOnce":true,"Env":null,"Cmd":["cat"],"Image":"busybox","Volumes":{},
        "WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{"a":"b"},
        "HostConfig":{"Binds":["/a:/b:ro"],"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},
        "NetworkMode":"none","PortBindings":{},"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,
        "VolumeDriver":"","VolumesFrom":null,"ConsoleSize":[24,80],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"",
        "Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"",
        "Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,
        "SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"Isolation":"","CpuShares":0,"Memory":104857600,
        "NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":[],"BlkioDeviceReadBps":[],
        "BlkioDeviceWriteBps":[],"BlkioDeviceReadIOps":[],"BlkioDeviceWriteIOps":[],"CpuPeriod":0,"CpuQuota":0,
        "CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,"CpusetCpus":"","CpusetMems":"","Devices":[],
        "DeviceCgroupRules":null,"DeviceRequests":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,
        "OomKillDisable":false,"PidsLimit":0,"Ulimits":[],"CpuCount":0,"CpuPercent":0,"IOMaximumIOps":0,
        "IOMaximumBandwidth":0,"MaskedPaths":null,"ReadonlyPaths":null},
        "NetworkingConfig":{"EndpointsConfig":{"none":{"IPAMConfig":null,"Links":null,"Aliases":null}}}})"));
    REQUIRE(request.config.cmd == engine::Texts{"cat"});
    REQUIRE(request.config.open_stdin);
    REQUIRE_FALSE(request.config.entrypoint);
    REQUIRE(request.host.memory == 104857600);
    REQUIRE(request.host.binds == engine::Texts{"/a:/b:ro"});
    REQUIRE(request.host.auto_remove);
    REQUIRE(request.host.network_mode == "none");
    REQUIRE(request.networking.contains("none"));
}

TEST_CASE("members that nobody knows are passed over", "[api]") {
    REQUIRE(must(read(R"({"Image":"a","Newer":{"x":[1]},"HostConfig":{"Unknown":1}})")).config.image == "a");
}

TEST_CASE("a wrong type is refused with its path", "[api]") {
    const auto [text, path] = GENERATE(table<std::string, std::string>({
        {R"({"Image":7})", "Image"},
        {R"({"Cmd":{"a":1}})", "Cmd"},
        {R"({"Env":["A=b",2]})", "Env[1]"},
        {R"({"Tty":"yes"})", "Tty"},
        {R"({"HostConfig":[]})", "HostConfig"},
        {R"({"HostConfig":{"Memory":"1g"}})", "HostConfig.Memory"},
        {R"({"HostConfig":{"Memory":1.5}})", "HostConfig.Memory"},
        {R"({"HostConfig":{"Memory":99999999999999999999}})", "HostConfig.Memory"},
        {R"({"HostConfig":{"Binds":"/a:/b"}})", "HostConfig.Binds"},
        {R"({"HostConfig":{"Mounts":[{"Type":"bind","Target":1}]}})", "HostConfig.Mounts[0].Target"},
        {R"({"Image":"a","Image":"b"})", "Image"},
        {R"({"Image":"a\u0000b"})", "Image"},
        {R"({"NetworkingConfig":7})", "NetworkingConfig"},
    }));
    CAPTURE(text);
    const Error error = error_of(read(text));
    CAPTURE(error.message);
    REQUIRE(error.code == EINVAL);
    REQUIRE(error.message.starts_with("invalid JSON: " + path + ": "));
}
