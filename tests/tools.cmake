# The command's verbs, as their users call them.
foreach(script IN ITEMS help list read info copy errors strange mkfs mkfs_ext2
        mkfs_fill put posix change check check_json check_disk check_use
        check_copies map map_ext4)
    shale_script(tools_${script} tools/${script}.sh)
endforeach()
