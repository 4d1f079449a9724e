import "pe"

rule APT_MAL_Loader_Jun24_1 : loader
{
    meta:
        description = "Detects loader used in June 2024"
        author = "Florian R."
        license = "Detection Rule License 1.1 https://github.com/Neo23x0/signature-base/blob/master/LICENSE"
        reference = "https://research.vendor-labs.com/2024/loader"
        date = "2024-06-02"
        id = "0b2b5b2a-1111-5f55-8888-aaaaaaaaaaaa"
        hash1 = "482efe93ffd4416606e45be73bf1b6f69706f9622609350bf429698417336f3c"
        hash2 = "d2e7b584c39985d9750edaccbd2fa6f73578142f647e3319e6295f7c730ee37c"
        hash3 = "3fa0fcac630fc3657201c59b48d8321f"
    strings:
        $s1 = "kernel32.dll" ascii
        $s2 = "http://%s/%s.php" ascii
        $c2 = "update-srv.cc" ascii wide
        $u1 = "http://update-srv.cc/news/index.php"
        $op = { 48 8B 05 ?? ?? ?? ?? 48 85 C0 }
    condition:
        uint16(0) == 0x5a4d and filesize < 2MB and
        ( pe.imphash() == "6f45e5320832c9222fbd1102ac81f1c0" or 2 of them ) or
        hash.md5(0, filesize) == "27014f90707e2ef554b54941d1b32e21"
}
