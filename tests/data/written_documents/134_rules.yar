import "pe"
import "hash"

/*
   YARA Rule Set
   Author: Nils Amundsen (@nilsyara)
   Date: 2024-06-02
   Identifier: QUILLFISH
   Reference: https://nilsyara.github.io/posts/quillfish/
*/

rule MAL_QuillFish_Loader_Jun24 : loader {
   meta:
      description = "Detects QuillFish loader dropped by invoice.scr"
      author = "Nils Amundsen"
      reference = "https://twitter.com/nilsyara/status/1797000120938471923"
      date = "2024-06-02"
      version = "1.0.2"
      id = "c6abc795-b7b0-4356-ad2d-82c3591f88b6"
      hash1 = "499998536e8f11c62b9a1b459ff7ab6ae7ebb57a9b2f609dd1bd7f1d045e0778"
      hash2 = "9f4c5db8f7dd0c7131eabea5f6d0391c78fd651c2b98335f4ea3992cf5eefe8d"
      hash3 = "dc62f1200d1a472557bb974da6e60fdfcc2d0bc8293a540d8c8e683dff089116"
      sha1 = "1b8374e07f634c36c6e2ce9511b8b498a9b95a97"
   strings:
      $c1 = "quill.inkwell-api.com" ascii wide
      $c2 = "http://inkwell-api.com/cgi/Submit.pl" fullword ascii
      $c3 = "176.158.15.201:8088" ascii
      $u1 = /https?:\/\/[a-z0-9]{6,12}\.top\/[a-f0-9]{32}/
      $s1 = "System.Runtime.InteropServices" wide
      $s2 = "loader.core.dll" ascii
      $s3 = "config.ini" fullword
      $pdb = "D:\\Projects\\quill\\Release\\quill.pdb"
      $h = { 48 8B 05 ?? ?? ?? ?? 48 85 C0 74 0A 3F 12 A8 }
   condition:
      uint16(0) == 0x5a4d and filesize < 2MB and
      ( pe.imphash() == "3a4b5ec95ee61b59cb11e9d0fa4ebd52" or 2 of ($c*) or all of ($s*) ) and pe.version_info["FileVersion"] contains "6.1.7601.17514"
}

rule MAL_QuillFish_Implant_Jun24 {
   meta:
      description = "QuillFish implant"
      hash = "3430e7d90f4c2781d6435e49739f2e32"
      hash = "e2033377c5398fc97013e65849c940d1e478372eee1d0acb2428c2ec12693192"
      license = "Detection Rule License 1.1"
      reference = "https://github.com/SigmaHQ/Detection-Rule-License"
   strings:
      $a1 = "parchment-sync.net"
      $a2 = "vellum-update.org"
      $a3 = "https://parchment-sync.net/upload/%s.dat"
      $a4 = "185.224.186.112"
      $b1 = "cmd.exe /c ping 127.0.0.1 -n 3 > nul & del"
   condition:
      2 of ($a*) or hash.md5(0, filesize) == "7d79cd45b8b6b8e9ab8ea9bf90499d8b" or for any i in (0..pe.number_of_sections - 1) : ( pe.sections[i].name == ".quill" )
}
